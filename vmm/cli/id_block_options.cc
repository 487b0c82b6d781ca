// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/id_block_options.h"

#include <fmt/format.h>

#include <limits>

#include "vmm/cli/hex_text.h"
#include "vmm/cli/value_text.h"

namespace sealvm {
namespace {

// The name of an option that was given, for the error when it should not be.
std::string_view GivenOption(const IdBlockRequest& request) {
  if (!request.id_key.empty()) return "--id-key";
  if (!request.author_key.empty()) return "--author-key";
  if (!request.id_block.empty()) return "--write-id-block";
  if (!request.id_auth.empty()) return "--write-id-auth";
  if (request.family_id) return "--family-id";
  if (request.image_id) return "--image-id";
  if (request.guest_svn) return "--guest-svn";
  return {};
}

}  // namespace

Result<> SetFamilyId(MeasureRequest& request, std::string_view text) {
  std::array<uint8_t, 16> id;
  SEALVM_TRY(ParseHexBytes(text, id));
  request.id_block.family_id = id;
  return {};
}

Result<> SetImageId(MeasureRequest& request, std::string_view text) {
  std::array<uint8_t, 16> id;
  SEALVM_TRY(ParseHexBytes(text, id));
  request.id_block.image_id = id;
  return {};
}

Result<> SetGuestSvn(MeasureRequest& request, std::string_view text) {
  request.id_block.guest_svn =
      static_cast<uint32_t>(SEALVM_TRY(ParseNumber(text, 0, std::numeric_limits<uint32_t>::max())));
  return {};
}

Result<> CheckIdBlockOptions(const MeasureRequest& request) {
  const IdBlockRequest& block = request.id_block;
  const std::string_view given = GivenOption(block);
  if (given.empty()) return {};
  if (request.isolation != IsolationMode::kSnp) {
    return InvalidInput(fmt::format("{}: only SNP has ID blocks, not {}", given,
                                    IsolationModeName(request.isolation)));
  }
  if (block.id_key.empty() || block.id_block.empty() || block.id_auth.empty()) {
    return InvalidInput(
        fmt::format("{} is given, and an ID block takes --id-key, --write-id-block and "
                    "--write-id-auth together",
                    given),
        "make a key with 'openssl ecparam -name secp384r1 -genkey -noout'");
  }
  if (block.id_block == block.id_auth) {
    return InvalidInput("--write-id-block and --write-id-auth name the same file");
  }
  if (!request.policy) {
    return InvalidInput("--write-id-block needs --policy: an ID block is for one guest policy",
                        "the policy that 'run' will have, such as 0x30000");
  }
  return {};
}

}  // namespace sealvm
