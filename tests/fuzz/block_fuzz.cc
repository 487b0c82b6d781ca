// SPDX-License-Identifier: Apache-2.0
// A hostile driver and a moody host at a block device: the input says what each request is, how it
// is cut into buffers and where these lie, and how the host's I/O goes. What a guest may see and
// what is in the image is held against a model.
#include <errno.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "devices/virtio/block/block_device.h"
#include "devices/virtio/block/testing/scripted_engine.h"
#include "devices/virtio/block/testing/temp_image.h"
#include "devices/virtio/block/thread_engine.h"
#include "devices/virtio/testing/test_driver.h"
#include "tests/fuzz/fuzz_input.h"

namespace sealvm {
namespace {

constexpr uint64_t kImageBytes = 256 * kKiB;
constexpr uint64_t kSectors = kImageBytes / kSectorBytes;
constexpr uint64_t kRamBytes = kMinRamSize;
constexpr size_t kMaxPieces = 8;

// One file for all inputs; each begins with zeroes.
TempImage& Image() {
  static TempImage image(kImageBytes);
  image.Resize(0);
  image.Resize(kImageBytes);
  return image;
}

// Short I/O, interruptions, and a host that lacks an operation: none changes what must come out.
EngineScript::Answer HostOf(std::vector<uint8_t> moods, int image) {
  return [=, next = size_t{0}](const IoRequest& request) mutable -> std::optional<int64_t> {
    if (next == moods.size()) return std::nullopt;
    const uint8_t mood = moods[next++];
    if (mood % 4 == 1) return mood % 8 == 1 ? -EINTR : -EAGAIN;
    if (mood % 4 == 2 && request.kind == IoKind::kZeroRange) return -EOPNOTSUPP;
    if (mood % 4 == 2 && request.kind == IoKind::kPunchHole) return -EOPNOTSUPP;
    if (mood % 4 != 3 || request.iovecs.empty()) return std::nullopt;
    const iovec piece = {request.iovecs[0].iov_base,
                         std::min<size_t>(request.iovecs[0].iov_len, size_t{mood} * 16 + 16)};
    IoRequest cut = request;
    cut.iovecs = {&piece, 1};
    return DoBlocking(image, cut);
  };
}

class HostileDriver {
 public:
  explicit HostileDriver(FuzzInput& input)
      : input_(input), image_(Image()), model_(kImageBytes, '\0') {
    const uint8_t choice = input_.TakeByte();
    const auto moods = input_.TakeBytes(input_.TakeByte() % 16);
    script_.SetAnswer(HostOf({moods.begin(), moods.end()}, image_.fd()));
    const BlockOptions options = {.path = image_.path(),
                                  .readonly = (choice & 3) == 3,
                                  .serial = "fuzz",
                                  .queue_size = 64,
                                  .name = "disk"};
    readonly_ = options.readonly;
    auto device = BlockDevice::Create(options, script_.Factory());
    SEALVM_FUZZ_CHECK(device.has_value());
    device_ = *std::move(device);
    const DriverQueue::Options ring = {.packed = (choice & 4) != 0,
                                       .indirect = (choice & 8) != 0,
                                       .event_idx = (choice & 16) != 0};
    const uint64_t features = (choice & 32) != 0 ? ~uint64_t{0} : ~kBlkFeatureFlush;
    driver_.emplace(guest_, *device_, ring, features);
    SEALVM_FUZZ_CHECK(driver_->Start().has_value());
    next_ = kRamBytes / 2;
  }

  void Run() {
    while (!input_.empty() && !failed_) MakeRequest();
    driver_.reset();
    SEALVM_FUZZ_CHECK(image_.Read(0, 2 * kImageBytes) == model_);
  }

 private:
  struct Request {
    BlkHeader header = {};
    std::string data;  // what follows the header
    std::vector<GuestBuffer> readable;
    std::vector<GuestBuffer> writable;
    bool stray = false;  // has a buffer that may lie anywhere
  };

  void MakeRequest() {
    Request request;
    request.header.type = TakeType();
    request.header.sector = TakeSector();
    request.data = TakeData(request.header.type);
    std::string out(reinterpret_cast<const char*>(&request.header), sizeof(request.header));
    out += request.data;
    // Now and then a header that is too short.
    const uint8_t cut = input_.TakeByte();
    if (cut >= 0xf8) out.resize(cut & 15);
    request.readable = Cut(out.size());
    Fill(request.readable, out);
    const uint32_t room = uint32_t{input_.TakeByte()} * (cut % 2 == 0 ? kSectorBytes : 7);
    request.writable = Cut(cut % 16 == 5 ? 0 : room + 1);
    MoveAstray(request);
    if (request.readable.empty() && request.writable.empty()) return;
    const std::optional<uint32_t> written =
        driver_->Transact(0, request.readable, request.writable);
    failed_ = !written.has_value();
    SEALVM_FUZZ_CHECK(failed_ == driver_->transport().failure().has_value());
    // A driver that keeps the rules is never stopped.
    SEALVM_FUZZ_CHECK(!failed_ || request.stray || out.size() < sizeof(BlkHeader) ||
                      request.writable.empty());
    if (!request.stray && !failed_) CheckAnswer(request, *written);
    if (request.stray) AdoptImage(0, kImageBytes);
  }

  uint32_t TakeType() {
    constexpr std::array<uint32_t, 8> kTypes = {kBlkIn,    kBlkIn,    kBlkOut,     kBlkOut,
                                                kBlkFlush, kBlkGetId, kBlkDiscard, kBlkWriteZeroes};
    const uint8_t choice = input_.TakeByte();
    return choice < 0xf0 ? kTypes[choice % kTypes.size()]
                         : static_cast<uint32_t>(input_.TakeNumber(4));
  }

  uint64_t TakeSector() {
    const uint8_t choice = input_.TakeByte();
    return choice < 0xf0 ? choice * 2 + (choice & 7) : input_.TakeNumber(8);
  }

  std::string TakeData(uint32_t type) {
    if (type == kBlkDiscard || type == kBlkWriteZeroes) return TakeSegments();
    const uint8_t choice = input_.TakeByte();
    const size_t length = size_t{choice} / 8 * kSectorBytes + (choice % 8 == 7 ? 3 : 0);
    std::string data(type == kBlkOut ? length : length % 64, static_cast<char>(choice));
    for (size_t i = 0; i < data.size(); i += 97) data[i] = static_cast<char>(i);
    return data;
  }

  std::string TakeSegments() {
    std::string data;
    for (int count = input_.TakeByte() % 20; count > 0; --count) {
      const BlkSegment segment = {
          .sector = TakeSector(),
          .sectors = static_cast<uint32_t>(input_.TakeNumber(1)),
          .flags = input_.TakeByte() % 16U < 14U ? input_.TakeByte() % 2U : 7U};
      data.append(reinterpret_cast<const char*>(&segment), sizeof(segment));
    }
    return data;
  }

  // Memory of `length` bytes in pieces that the input chooses, with gaps.
  std::vector<GuestBuffer> Cut(size_t length) {
    std::vector<GuestBuffer> pieces;
    while (length > 0) {
      const size_t wanted = 1 + input_.TakeByte() * size_t{17};
      const size_t piece = pieces.size() + 1 == kMaxPieces ? length : std::min(wanted, length);
      next_ += input_.TakeByte() % 4;
      if (next_ + piece > kRamBytes - kPageSize) next_ = kRamBytes / 2;
      pieces.push_back({next_, static_cast<uint32_t>(piece)});
      next_ += piece;
      length -= piece;
    }
    return pieces;
  }

  void Fill(std::span<const GuestBuffer> pieces, const std::string& text) {
    size_t at = 0;
    for (const GuestBuffer& piece : pieces) {
      const auto* from = reinterpret_cast<const uint8_t*>(text.data()) + at;
      SEALVM_FUZZ_CHECK(guest_.view()->Write(piece.gpa, {from, piece.length}).has_value());
      at += piece.length;
    }
  }

  // Rings and tables lie in the first half of RAM, the requests' memory in the second.
  void MoveAstray(Request& request) {
    const uint8_t choice = input_.TakeByte();
    if (choice < 0xe0) return;
    auto& pieces = choice % 2 == 0 ? request.readable : request.writable;
    if (pieces.empty()) return;
    GuestBuffer& piece = pieces[choice / 2 % pieces.size()];
    piece = {kRamBytes / 2 + input_.TakeNumber(5), 1 + static_cast<uint32_t>(input_.TakeNumber(3))};
    request.stray = true;
  }

  std::string TextOf(std::span<const GuestBuffer> pieces) {
    std::string text;
    for (const GuestBuffer& piece : pieces) text += guest_.ReadText(piece);
    return text;
  }

  void CheckAnswer(const Request& request, uint32_t written) {
    std::string in = TextOf(request.writable);
    const uint8_t status = static_cast<uint8_t>(in.back());
    in.pop_back();
    SEALVM_FUZZ_CHECK(status <= kBlkStatusUnsupported);
    SEALVM_FUZZ_CHECK(written <= in.size() + 1);
    const uint64_t sector = request.header.sector;
    const uint32_t type = request.header.type;
    const size_t moved = type == kBlkIn ? in.size() : request.data.size();
    const bool inside = moved % kSectorBytes == 0 && sector <= kSectors &&
                        moved / kSectorBytes <= kSectors - sector;
    if (type == kBlkIn) {
      SEALVM_FUZZ_CHECK((status == kBlkStatusOk) == inside);
      if (inside) SEALVM_FUZZ_CHECK(model_.compare(sector * kSectorBytes, in.size(), in) == 0);
    } else if (type == kBlkOut) {
      SEALVM_FUZZ_CHECK((status == kBlkStatusOk) == (inside && !readonly_));
      if (status == kBlkStatusOk) model_.replace(sector * kSectorBytes, moved, request.data);
    } else if (status == kBlkStatusOk && (type == kBlkDiscard || type == kBlkWriteZeroes)) {
      ApplySegments(type, request.data);
    }
  }

  void ApplySegments(uint32_t type, const std::string& data) {
    SEALVM_FUZZ_CHECK(!readonly_ && data.size() % sizeof(BlkSegment) == 0);
    for (size_t at = 0; at < data.size(); at += sizeof(BlkSegment)) {
      BlkSegment segment = {};
      data.copy(reinterpret_cast<char*>(&segment), sizeof(segment), at);
      const uint64_t length = uint64_t{segment.sectors} * kSectorBytes;
      SEALVM_FUZZ_CHECK(segment.sector <= kSectors && segment.sectors <= kSectors - segment.sector);
      if (type == kBlkDiscard) {
        AdoptImage(segment.sector * kSectorBytes, length);
      } else {
        model_.replace(segment.sector * kSectorBytes, length, length, '\0');
      }
    }
  }

  // For what no rule says what comes out.
  void AdoptImage(uint64_t offset, uint64_t length) {
    model_.replace(offset, length, image_.Read(offset, length));
  }

  FuzzInput& input_;
  TempImage& image_;
  std::string model_;
  bool readonly_ = false;
  bool failed_ = false;
  EngineScript script_;
  std::shared_ptr<BlockDevice> device_;
  TestGuest guest_{kRamBytes};
  std::optional<TestDriver> driver_;
  Gpa next_ = 0;
};

}  // namespace
}  // namespace sealvm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealvm::FuzzInput input({data, size});
  sealvm::HostileDriver(input).Run();
  return 0;
}
