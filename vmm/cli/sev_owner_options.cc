// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/sev_owner_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vmm/cli/hex_text.h"

namespace sealvm {
namespace {

// The name of an option that was given, for the error when it should not be.
std::string_view GivenOption(const SevOwnerRequest& owner) {
  if (!owner.tik.empty()) return "--tik";
  if (!owner.tek.empty()) return "--tek";
  if (!owner.secrets.empty()) return "--secret";
  if (!owner.packet.empty()) return "--write-secret";
  return {};
}

Result<Guid> ParseGuid(std::string_view text) {
  constexpr size_t kDashes[] = {8, 13, 18, 23};
  std::string digits(text);
  for (size_t i = std::size(kDashes); i-- > 0;) {
    if (kDashes[i] >= digits.size() || digits[kDashes[i]] != '-') digits.clear();
    if (!digits.empty()) digits.erase(kDashes[i], 1);
  }
  std::array<uint8_t, 16> bytes = {};
  if (!ParseHexBytes(digits, bytes)) {
    return InvalidInput(fmt::format("'{}' is no GUID", text),
                        "such as 736869e5-84f0-4973-92ec-06879ce3da0b, a disk's passphrase");
  }
  return Guid::FromTextOrder(bytes);
}

}  // namespace

Result<> AddSecret(MeasureRequest& request, std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == text.npos || equals + 1 == text.size()) {
    return InvalidInput(fmt::format("'{}' is not like GUID=FILE", text));
  }
  const Guid guid = SEALVM_TRY(ParseGuid(text.substr(0, equals)));
  std::vector<SecretFile>& secrets = request.sev_owner.secrets;
  // The guest's kernel has a file for each, by this name.
  if (std::ranges::find(secrets, guid, &SecretFile::guid) != secrets.end()) {
    return InvalidInput(fmt::format("{} is given twice", guid.ToString()));
  }
  secrets.push_back({.guid = guid, .path = std::string(text.substr(equals + 1))});
  return {};
}

bool HasLaunchOwner(IsolationMode mode) {
  return mode == IsolationMode::kSev || mode == IsolationMode::kSevEs;
}

Result<> CheckSevOwnerOptions(const MeasureRequest& request) {
  const SevOwnerRequest& owner = request.sev_owner;
  const std::string_view given = GivenOption(owner);
  const bool has_owner = HasLaunchOwner(request.isolation);
  if (!has_owner && !given.empty()) {
    return InvalidInput(
        fmt::format("{}: only sev and sev-es have an owner who answers a launch, not {}", given,
                    IsolationModeName(request.isolation)));
  }
  if (request.verify.path.empty()) {
    if (given.empty()) return {};
    return InvalidInput(fmt::format("{} needs --verify", given),
                        "give the file that `sealvm run --sev-measurement` wrote");
  }
  if (!has_owner) return {};
  if (owner.tik.empty()) {
    return InvalidInput(
        fmt::format("--verify needs --tik: a guest of {} has no report, but a measurement with an "
                    "HMAC by its owner's key",
                    IsolationModeName(request.isolation)),
        "`sevctl session` makes that key");
  }
  const size_t parts = (owner.tek.empty() ? 0 : 1) + (owner.secrets.empty() ? 0 : 1) +
                       (owner.packet.empty() ? 0 : 1);
  if (parts != 0 && parts != 3) {
    return InvalidInput("a launch secret takes --tek, --secret and --write-secret together");
  }
  return {};
}

}  // namespace sealvm
