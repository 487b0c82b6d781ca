// SPDX-License-Identifier: Apache-2.0
//
// Runs in the guest: puts secrets into its heap, into files on tmpfs and on the root, into the
// kernel's key ring and into a socket, and says @@SECRETS. For every line on stdin it makes sure
// that all are still there and says @@SECRETS-INTACT; the line "end" ends it.

#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "tests/lab/secrecy/secret.h"

namespace sealvm::secrecy {
namespace {

constexpr std::array<const char*, 2> kFiles = {"/tmp/secret", "/secret"};
constexpr int kRereadMilliseconds = 2000;

std::vector<uint8_t> AllCopies(PlaceIndex place) {
  std::vector<uint8_t> bytes(kPlaces[place].copies * kSecretSize);
  for (size_t i = 0; i < kSecretSize; ++i) bytes[i] = SecretByte(place, i);
  // Back to back: each piece is copied from the one before it.
  for (size_t i = kSecretSize; i < bytes.size(); ++i) bytes[i] = bytes[i - kSecretSize];
  return bytes;
}

// Each of the kept copies, and how to see whether it is what it was. A failed step is a lost
// secret.
class Secrets {
 public:
  bool Keep() { return KeepFiles() && KeepKeys() && KeepSocket(); }
  // The name of a place that has lost its secret, or nullptr.
  const char* Lost() const;

 private:
  bool KeepFiles() const;
  bool KeepKeys();
  bool KeepSocket();
  bool HeapIntact() const { return heap_ == AllCopies(kHeap); }
  bool FilesIntact() const;
  bool KeysIntact() const;
  bool SocketIntact() const;

  std::vector<uint8_t> heap_ = AllCopies(kHeap);
  std::vector<long> keys_;
  std::array<int, 2> socket_{-1, -1};
};

const char* Secrets::Lost() const {
  if (!HeapIntact()) return kPlaces[kHeap].name;
  if (!FilesIntact()) return kPlaces[kFile].name;
  if (!KeysIntact()) return kPlaces[kKey].name;
  if (!SocketIntact()) return kPlaces[kSocket].name;
  return nullptr;
}

bool Secrets::KeepFiles() const {
  const std::vector<uint8_t> bytes = AllCopies(kFile);
  const size_t part = bytes.size() / kFiles.size();
  for (size_t i = 0; i < kFiles.size(); ++i) {
    const int fd = open(kFiles[i], O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (fd < 0 || write(fd, &bytes[i * part], part) != static_cast<ssize_t>(part)) return false;
    close(fd);
  }
  return true;
}

bool Secrets::FilesIntact() const {
  std::vector<uint8_t> found(kPlaces[kFile].copies * kSecretSize);
  const size_t part = found.size() / kFiles.size();
  for (size_t i = 0; i < kFiles.size(); ++i) {
    const int fd = open(kFiles[i], O_RDONLY);
    if (fd < 0 || read(fd, &found[i * part], part) != static_cast<ssize_t>(part)) return false;
    close(fd);
  }
  return found == AllCopies(kFile);
}

bool Secrets::KeepKeys() {
  const std::vector<uint8_t> bytes = AllCopies(kKey);
  for (size_t i = 0; i < kPlaces[kKey].copies; ++i) {
    keys_.push_back(syscall(SYS_add_key, "user", std::to_string(i).c_str(), &bytes[i * kSecretSize],
                            kSecretSize, KEY_SPEC_PROCESS_KEYRING));
    if (keys_.back() < 0) return false;
  }
  return true;
}

bool Secrets::KeysIntact() const {
  std::vector<uint8_t> found(kPlaces[kKey].copies * kSecretSize);
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (syscall(SYS_keyctl, KEYCTL_READ, keys_[i], &found[i * kSecretSize], kSecretSize) !=
        static_cast<long>(kSecretSize)) {
      return false;
    }
  }
  return found == AllCopies(kKey);
}

bool Secrets::KeepSocket() {
  const std::vector<uint8_t> bytes = AllCopies(kSocket);
  return socketpair(AF_UNIX, SOCK_STREAM, 0, socket_.data()) == 0 &&
         send(socket_[0], bytes.data(), bytes.size(), MSG_DONTWAIT) ==
             static_cast<ssize_t>(bytes.size());
}

bool Secrets::SocketIntact() const {
  std::vector<uint8_t> found(kPlaces[kSocket].copies * kSecretSize);
  return recv(socket_[1], found.data(), found.size(), MSG_PEEK | MSG_DONTWAIT) ==
             static_cast<ssize_t>(found.size()) &&
         found == AllCopies(kSocket);
}

int Main() {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  Secrets secrets;
  if (!secrets.Keep() || secrets.Lost() != nullptr) {
    perror("@@SECRETS-NOT-KEPT");
    return 1;
  }
  printf("@@SECRETS\n");
  for (bool ended = false; !ended;) {
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    const bool asked = poll(&input, 1, kRereadMilliseconds) > 0;
    std::array<char, 64> line{};
    if (asked) ended = fgets(line.data(), line.size(), stdin) == nullptr;
    if (const char* place = secrets.Lost(); place != nullptr) {
      printf("@@SECRETS-LOST %s\n", place);
      return 1;
    }
    if (asked) printf("@@SECRETS-INTACT\n");
    ended = ended || strcmp(line.data(), "end\n") == 0;
  }
  return 0;
}

}  // namespace
}  // namespace sealvm::secrecy

int main() { return sealvm::secrecy::Main(); }
