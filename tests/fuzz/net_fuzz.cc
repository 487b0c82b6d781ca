// SPDX-License-Identifier: Apache-2.0
// A hostile driver at a network device with two queue pairs: requests of any shape, headers of any
// content, commands, resets, and frames from the host meanwhile. Nothing reaches the host but
// frames with a sound header, and nothing is written that was not offered.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "devices/virtio/net/net_testing.h"
#include "tests/fuzz/fuzz_input.h"

namespace sealvm {
namespace {

constexpr uint16_t kControl = 4;
constexpr size_t kMaxPieces = 6;
constexpr uint32_t kPieceRoom = 4096;
constexpr uint32_t kRamBytes = 16 * kMiB;  // TestGuest's

class HostileDriver {
 public:
  explicit HostileDriver(FuzzInput& input) : input_(input), bench_(Choose(input)) {
    for (GuestBuffer& piece : pieces_) piece = bench_.guest.Room(kPieceRoom);
  }

  void Run() {
    while (!input_.empty()) Step();
    Look();
  }

 private:
  static NetBenchSettings Choose(FuzzInput& input) {
    const uint8_t choice = input.TakeByte();
    NetBenchSettings settings;
    settings.rings = {
        .packed = (choice & 1) != 0, .indirect = (choice & 2) != 0, .event_idx = (choice & 4) != 0};
    // All that do not decide which queues there are.
    settings.wanted = input.TakeNumber(2) | kNetControlQueue | kNetMultiQueue;
    settings.pairs = 2;
    settings.queue_size = 16;
    return settings;
  }

  void Step() {
    switch (input_.TakeByte() % 8) {
      case 0:
        return Add(input_.TakeByte() % 5, Pieces(), Pieces());
      case 1:
        return Add(input_.TakeByte() % 2 * 2, {}, Pieces());
      case 2:
        return Transmit();
      case 3:
        return Inject();
      case 4:
        return Command();
      case 5: {
        std::array<uint8_t, 16> config;
        return bench_.device->ReadConfig(input_.TakeNumber(1 + input_.TakeByte() % 8), config);
      }
      case 6:
        Look();
        return Restart();
      default:
        return Look();
    }
  }

  GuestBuffer Piece() {
    GuestBuffer piece = pieces_[input_.TakeByte() % pieces_.size()];
    const uint8_t kind = input_.TakeByte();
    piece.length = 1 + static_cast<uint32_t>(input_.TakeNumber(2)) % kPieceRoom;
    // Behind the guest's memory, or across its end, where no ring ever lies.
    if (kind % 16 == 0) piece.gpa = kRamBytes + input_.TakeNumber(8) % (~Gpa{0} - kRamBytes * 2);
    if (kind % 16 == 1) piece.gpa = kRamBytes - 1 - input_.TakeByte();
    return piece;
  }
  std::vector<GuestBuffer> Pieces() {
    std::vector<GuestBuffer> pieces(input_.TakeByte() % kMaxPieces);
    std::ranges::generate(pieces, [this] { return Piece(); });
    return pieces;
  }

  void Add(unsigned queue, const std::vector<GuestBuffer>& readable,
           const std::vector<GuestBuffer>& writable) {
    const size_t count = readable.size() + writable.size();
    const auto index = static_cast<uint16_t>(queue);
    if (count == 0 || bench_.driver->queue(index).room() < count) return Look();
    uint64_t room = 0;
    for (const GuestBuffer& piece : writable) room += piece.length;
    offered_[{index, bench_.driver->Submit(index, readable, writable)}] = room;
  }

  void Transmit() {
    NetHeader header = {};
    const auto bytes = input_.TakeBytes(sizeof(header));
    std::ranges::copy(bytes, reinterpret_cast<uint8_t*>(&header));
    const Bytes packet = Join(header, MakeFrame(input_.TakeByte()));
    Must(bench_.guest.view()->Write(pieces_[0].gpa, packet));
    const GuestBuffer whole = {pieces_[0].gpa, static_cast<uint32_t>(packet.size())};
    Add(1 + input_.TakeByte() % 2 * 2, {whole}, {});
  }

  void Inject() {
    const size_t length = sizeof(NetHeader) + input_.TakeNumber(2) % 10'000;
    const Bytes packet = MakeFrame(length);
    // Without room for it, it is lost.
    (void)send(bench_.hosts[input_.TakeByte() % 2].get(), packet.data(), packet.size(),
               MSG_NOSIGNAL);
  }

  void Command() {
    const auto bytes = input_.TakeBytes(4);
    Must(bench_.guest.view()->Write(pieces_[1].gpa, bytes));
    if (bytes.empty()) return;
    Add(kControl, {{pieces_[1].gpa, static_cast<uint32_t>(bytes.size())}}, {{pieces_[2].gpa, 1}});
  }

  void Restart() {
    offered_.clear();
    bench_.driver->Reset();
    SEALVM_FUZZ_CHECK(bench_.driver->Start().has_value());
  }

  static void Must(const Result<>& result) { SEALVM_FUZZ_CHECK(result.has_value()); }

  // What came out on both sides.
  void Look() {
    for (const Fd& host : bench_.hosts) {
      Bytes packet(kMaxFrameBytes + 100);
      ssize_t got = 0;
      while ((got = recv(host.get(), packet.data(), packet.size(), 0)) > 0) {
        CheckPacket(std::span(packet).first(static_cast<size_t>(got)));
      }
    }
    for (uint16_t queue = 0; queue <= kControl; ++queue) {
      while (const auto used = bench_.driver->queue(queue).TakeUsed()) {
        const auto offered = offered_.find({queue, used->token});
        SEALVM_FUZZ_CHECK(offered != offered_.end() && used->written <= offered->second);
        offered_.erase(offered);
      }
    }
  }
  void CheckPacket(std::span<const uint8_t> packet) {
    SEALVM_FUZZ_CHECK(packet.size() >= sizeof(NetHeader) + kMinFrameBytes);
    NetHeader header;
    std::copy_n(packet.begin(), sizeof(header), reinterpret_cast<uint8_t*>(&header));
    SEALVM_FUZZ_CHECK(CheckedTransmitHeader(header, packet.size() - sizeof(header),
                                            bench_.driver->features()) == header);
  }

  FuzzInput& input_;
  NetBench bench_;
  std::array<GuestBuffer, 8> pieces_;
  std::map<std::pair<uint16_t, uint16_t>, uint64_t> offered_;
};

}  // namespace
}  // namespace sealvm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealvm::FuzzInput input({data, size});
  sealvm::HostileDriver(input).Run();
  return 0;
}
