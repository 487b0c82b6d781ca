// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEASUREMENT_FIRMWARE_FACTS_H_
#define SEALVM_VMM_ISOLATION_MEASUREMENT_FIRMWARE_FACTS_H_

#include <stdint.h>

#include <optional>
#include <string>
#include <vector>

#include "memory/base/result.h"
#include "vmm/boot/firmware/hash_enforcement.h"
#include "vmm/boot/firmware/ovmf_table.h"
#include "vmm/boot/firmware/sev_metadata.h"
#include "vmm/boot/firmware/tdx_metadata.h"

namespace sealvm {

// Facts about a firmware file for `sealvm inspect`.
struct FirmwareFacts {
  struct TableEntry {
    std::string guid;
    std::string name;   // "unknown" for one that is not known
    uint64_t size = 0;  // bytes
  };
  // Whether a guest of an isolation mode can start with it, and if not, why.
  struct Mode {
    std::string name;
    bool supported = false;
    std::string reason;
  };
  struct Digest {
    std::string name;
    std::string value;  // hexadecimal
  };

  std::string path;
  uint64_t size = 0;  // bytes
  uint64_t base = 0;  // GPA
  bool has_table = false;
  std::vector<TableEntry> table;
  std::optional<SevMetadata> sev;
  std::string sev_error;  // why `sev` is not there
  std::optional<TdxMetadata> tdx;
  std::string tdx_error;  // why `tdx` could not be read
  HashEnforcementVerdict enforcement;
  std::vector<Mode> modes;
  std::vector<Digest> digests;
};

// Nothing when the file is no firmware: it neither begins with a firmware volume nor ends with an
// OVMF table. kInvalidInput when it is one whose table is damaged.
Result<std::optional<FirmwareFacts>> InspectFirmware(const std::string& path);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEASUREMENT_FIRMWARE_FACTS_H_
