// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sev/firmware_error.h"

#include <fmt/format.h>

#include <algorithm>

namespace sealvm::sev {
namespace {

constexpr std::string_view kBug = "a bug of sealvm or KVM: please report it";
constexpr std::string_view kReload = "reload kvm_amd and ccp, or reboot the host";
constexpr std::string_view kTio = "sealvm uses no SEV-TIO: please report it";

constexpr FirmwareStatus kStatuses[] = {
    {0x00, "SUCCESS", "the firmware did what it was asked", ""},
    {0x01, "INVALID_PLATFORM_STATE", "the platform is not initialised for this command", kReload},
    {0x02, "INVALID_GUEST_STATE", "the guest is not in the state for this command", kBug},
    {0x03, "INVALID_CONFIG", "the platform is configured otherwise",
     "look at SEV's and SNP's settings in the BIOS"},
    {0x04, "INVALID_LENGTH", "a buffer is too small or of a wrong length", kBug},
    {0x05, "ALREADY_OWNED", "the platform has an owner already", "reset it with 'sevctl reset'"},
    {0x06, "INVALID_CERTIFICATE", "a certificate is not valid",
     "check the Diffie-Hellman certificate given for this platform"},
    {0x07, "POLICY_FAILURE", "the guest's policy forbids it on this platform",
     "compare --policy with the host: debug, SMT, single socket, ABI version, ciphertext hiding"},
    {0x08, "INACTIVE", "the guest has no ASID that is in use", kBug},
    {0x09, "INVALID_ADDRESS", "an address is not aligned or not of memory that may be used", kBug},
    {0x0a, "BAD_SIGNATURE", "a signature does not hold",
     "sign the ID block again, or give session data for this platform"},
    {0x0b, "BAD_MEASUREMENT", "a measurement differs",
     "compare the ID block's launch digest with what 'sealvm measure' prints, or the launch "
     "secret's measurement with this launch"},
    {0x0c, "ASID_OWNED", "another guest has the ASID", kReload},
    {0x0d, "INVALID_ASID", "there is no such ASID for this kind of guest",
     "the BIOS divides the ASIDs between SEV and SEV-ES/SNP (minimum SEV non-ES ASID)"},
    {0x0e, "WBINVD_REQUIRED", "caches have to be written back first", kReload},
    {0x0f, "DFFLUSH_REQUIRED", "the data fabric has to be flushed first", kReload},
    {0x10, "INVALID_GUEST", "there is no such guest", kBug},
    {0x11, "INVALID_COMMAND", "the firmware does not know the command",
     "update the SEV firmware (AMD's sev_firmware packages, or the BIOS)"},
    {0x12, "ACTIVE", "the guest is in use", kBug},
    {0x13, "HWERROR_PLATFORM", "the hardware failed; the platform's state is intact",
     "look at the kernel's log of the host"},
    {0x14, "HWERROR_UNSAFE", "the hardware failed; nothing of the platform can be relied on",
     "reboot the host and look at its kernel's log"},
    {0x15, "UNSUPPORTED", "the firmware or CPU does not have it",
     "update the SEV firmware, or leave out what was asked for"},
    {0x16, "INVALID_PARAM", "a parameter is not valid",
     "for a CPUID page: the firmware allows this CPU less than the page says"},
    {0x17, "RESOURCE_LIMIT", "the firmware has run out of something, such as guest contexts",
     "end other confidential guests"},
    {0x18, "SECURE_DATA_INVALID", "data did not pass the check of its integrity",
     "reload kvm_amd; persistent SEV data in its file may be damaged"},
    {0x19, "INVALID_PAGE_SIZE", "a page is of another size in the RMP", kBug},
    {0x1a, "INVALID_PAGE_STATE", "a page is in another state in the RMP", kBug},
    {0x1b, "INVALID_MDATA_ENTRY", "a metadata entry is not valid", kBug},
    {0x1c, "INVALID_PAGE_OWNER", "a page belongs to another guest", kBug},
    {0x1d, "AEAD_OFLOW", "the counter of sequence numbers has run over", "start the guest anew"},
    {0x1f, "EXIT_RING_BUFFER", "the firmware has left the mode of the ring buffer", kReload},
    {0x20, "RMP_INIT_REQUIRED", "the RMP is not initialised",
     "boot the host with SNP on in the BIOS and without kvm_amd.sev_snp=0"},
    {0x21, "BAD_SVN", "the security version is lower than the one committed",
     "use firmware that is not older"},
    {0x22, "BAD_VERSION", "the version is lower than the one committed",
     "use firmware that is not older"},
    {0x23, "SHUTDOWN_REQUIRED", "the platform has to be shut down first", kReload},
    {0x24, "UPDATE_FAILED", "the update failed; the firmware before it runs",
     "look at the kernel's log of the host"},
    {0x25, "RESTORE_REQUIRED", "the firmware has to be restored first", "reboot the host"},
    {0x26, "RMP_INITIALIZATION_FAILED", "the RMP could not be initialised",
     "look at the RMP's coverage in the BIOS and at the kernel's log"},
    {0x27, "INVALID_KEY", "a key is not of the algorithm or not valid",
     "the ID key and the author key must be of P-384"},
    {0x28, "SHUTDOWN_INCOMPLETE", "a shutdown has not ended", "wait and try again"},
    {0x30, "INCORRECT_BUFFER_LENGTH", "a buffer is of a wrong length", kTio},
    {0x31, "EXPAND_BUFFER_LENGTH_REQUEST", "a buffer is too small", kTio},
    {0x32, "SPDM_REQUEST", "the device waits for an SPDM message", kTio},
    {0x33, "SPDM_ERROR", "the device answered with an SPDM error", kTio},
    {0x35, "ERR_IN_DEV_CONN", "the connection to a device failed", kTio},
    {0x36, "INVALID_DEV_CTX", "the context of a device is not valid", kTio},
    {0x37, "INVALID_TDI_CTX", "the context of a device interface is not valid", kTio},
    {0x38, "INVALID_TDI", "there is no such device interface", kTio},
    {0x39, "RECLAIM_REQUIRED", "pages have to be reclaimed first", kTio},
    {0x3a, "IN_USE", "what was asked for is in use", kTio},
    {0x3b, "INVALID_DEV_STATE", "the device is not in the state for this command", kTio},
    {0x3c, "INVALID_TDI_STATE", "the device interface is not in the state for this command", kTio},
    {0x3d, "DEV_CERT_CHANGED", "the device has another certificate than before", kTio},
    {0x3e, "RESYNC_REQ", "the device has to be synchronised again", kTio},
    {0x3f, "RESPONSE_TOO_LARGE", "the device's answer is too large", kTio},
    {kNoFirmwareCall, "NO_FW_CALL", "the firmware was not called at all",
     "look at the kernel's log of the host: ccp may not have found the firmware"},
};

}  // namespace

std::span<const FirmwareStatus> FirmwareStatuses() { return kStatuses; }

const FirmwareStatus* FindFirmwareStatus(uint32_t code) {
  const auto* found = std::ranges::lower_bound(kStatuses, code, {}, &FirmwareStatus::code);
  return found != std::end(kStatuses) && found->code == code ? found : nullptr;
}

std::string DescribeFirmwareStatus(uint32_t code) {
  const FirmwareStatus* status = FindFirmwareStatus(code);
  if (status == nullptr) return fmt::format("unknown status ({:#x})", code);
  return fmt::format("{} ({:#x}): {}", status->name, code, status->meaning);
}

std::unexpected<Error> FirmwareError(std::string_view command, uint32_t code, int os_error) {
  if (code == 0) return SystemError("ioctl", command, os_error);
  const FirmwareStatus* status = FindFirmwareStatus(code);
  auto error = HostError(
      fmt::format("{}: firmware error {}", command, DescribeFirmwareStatus(code)),
      std::string(status == nullptr ? "look it up in the SEV-SNP Firmware ABI specification"
                                    : status->advice));
  error.error().os_error = os_error;
  return error;
}

}  // namespace sealvm::sev
