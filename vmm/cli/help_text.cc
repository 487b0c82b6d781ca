// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/help_text.h"

#include <string_view>

#include "vmm/cli/launch_options.h"
#include "vmm/cli/measure_arguments.h"
#include "vmm/cli/option_table.h"

namespace sealvm {
namespace {

constexpr size_t kColumns = 80;
constexpr size_t kHelpColumn = 28;

// Appends `text` from kHelpColumn on, broken between words.
void AppendWrapped(std::string& out, std::string_view text) {
  size_t column = kHelpColumn;
  while (!text.empty()) {
    const size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (column > kHelpColumn && column + 1 + word.size() > kColumns) {
      out.append("\n").append(kHelpColumn, ' ');
      column = kHelpColumn;
    } else if (column > kHelpColumn) {
      out.push_back(' ');
      ++column;
    }
    out += word;
    column += word.size();
    text = space == text.npos ? std::string_view() : text.substr(space + 1);
  }
  out.push_back('\n');
}

void AppendOption(std::string& out, std::string_view flag, std::string_view help) {
  std::string line = "  ";
  line += flag;
  if (line.size() + 2 > kHelpColumn) {
    out.append(line).append("\n").append(kHelpColumn, ' ');
  } else {
    line.resize(kHelpColumn, ' ');
    out += line;
  }
  AppendWrapped(out, help);
}

void AppendGroup(std::string& out, std::string_view group) {
  out.append("\n").append(group).append(":\n");
  for (const OptionSpec& option : RunOptionTable()) {
    if (option.group != group) continue;
    AppendOption(out, "--" + std::string(option.name) + " " + std::string(option.placeholder),
                 option.help);
  }
}

}  // namespace

std::string GeneralHelp() {
  return "sealvm runs virtual machines on Linux KVM.\n"
         "\n"
         "Usage: sealvm COMMAND [OPTION]...\n"
         "\n"
         "  run              run a machine; without --kernel, a diagnostic guest\n"
         "  doctor           what this host can do, and what to change\n"
         "  inspect FILE     what a kernel, firmware, report, quote or event log contains\n"
         "  measure          the launch digest of a confidential guest\n"
         "  --version        print the version\n"
         "  --help           this page; 'sealvm COMMAND --help' tells more\n"
         "\n"
         "Examples:\n"
         "  sealvm doctor\n"
         "  sealvm run\n"
         "  sealvm run --kernel vmlinuz --initrd initrd.img --cmdline console=ttyS0\n"
         "\n"
         "Exit codes: 0 the guest powered off or asked for a reset; 1 the VMM or the host\n"
         "failed; 2 bad usage or configuration; 3 the guest panicked; 4 --timeout; 5 the\n"
         "isolation asked for is not available.\n";
}

std::string RunHelp() {
  std::string out =
      "Usage: sealvm run [OPTION]...\n"
      "\n"
      "Runs one virtual machine until its guest powers off or resets. Standard output\n"
      "belongs to the guest's console; everything else goes to standard error.\n";
  AppendGroup(out, "What boots");
  AppendGroup(out, "Machine");
  AppendGroup(out, "Devices");
  out +=
      "\n"
      "A comma in a value of a key is written twice.\n";
  AppendGroup(out, "With --isolation sealed");
  AppendGroup(out, kLaunchGroup);
  AppendGroup(out, "Console and reports");
  AppendOption(out, "-v, -vv", "report progress, or details as well");
  out += "\nConfiguration:\n";
  AppendOption(out, "--config FILE",
               "read options from a TOML file; its keys are the names above (verbose for -v), the "
               "command line goes over it");
  AppendOption(out, "--print-config", "print what was understood as TOML, and stop");
  out +=
      "\n"
      "On a terminal, Ctrl-A x leaves, Ctrl-A h lists the other keys.\n"
      "--console file=F starts the file anew. SIGINT, SIGTERM and SIGHUP end the run\n"
      "with exit code 1; leaving by Ctrl-A x is exit code 0. A code from the guest's\n"
      "exit device above 255 becomes 255.\n"
      "\n"
      "Examples:\n"
      "  sealvm run\n"
      "  sealvm run --kernel /boot/vmlinuz-6.12-cloud --initrd initrd.img \\\n"
      "      --cmdline 'console=ttyS0 quiet' --memory 1G --cpus 2\n"
      "  sealvm run --kernel vmlinuz --initrd initrd.img \\\n"
      "      --cmdline 'console=ttyS0 root=/dev/vda1' --disk path=debian.raw \\\n"
      "      --net user,hostfwd=tcp:127.0.0.1:2222-:22\n"
      "  sealvm run --kernel vmlinuz --isolation sealed \\\n"
      "      --disk path=root.img,readonly=on --vsock cid=3,socket=guest.sock\n"
      "  sealvm run --config machine.toml --timeout 60 --stats stats.json\n"
      "  sealvm run --kernel vmlinuz --events-fd 3 3> events.jsonl\n";
  return out;
}

std::string DoctorHelp() {
  return "Usage: sealvm doctor [--json]\n"
         "\n"
         "Examines this host: KVM and what it offers, how fast guest kernel code runs,\n"
         "what devices need, and for each isolation mode whether it works, why not, and\n"
         "what to change. It changes nothing. The exit code is 0 when at least one mode\n"
         "works, else 1.\n";
}

std::string InspectHelp() {
  return "Usage: sealvm inspect FILE [--json]\n"
         "\n"
         "Says what a file contains: a kernel (bzImage or vmlinux) and what it supports; a\n"
         "firmware (OVMF or TDVF): its tables, its digests, which confidential modes can\n"
         "launch it, and whether it enforces the hashes of a measured kernel; an SNP\n"
         "attestation report, TDREPORT, TD quote, event log (CCEL) or ID block, field by\n"
         "field.\n"
         "Nothing is checked against a signature.\n"
         "\n"
         "Examples:\n"
         "  sealvm inspect /boot/vmlinuz\n"
         "  sealvm inspect /usr/share/ovmf/OVMF.amdsev.fd\n";
}

std::string MeasureHelp() {
  std::string out =
      "Usage: sealvm measure --isolation MODE --firmware FILE [OPTION]...\n"
      "\n"
      "Prints the launch digest that the hardware of a confidential guest attests: the\n"
      "SNP launch digest, LD of SEV and SEV-ES, or a TD's MRTD. It needs no such\n"
      "hardware. Standard output has the digest in hexadecimal and nothing else.\n"
      "\n"
      "Options:\n";
  for (const MeasureOption& option : MeasureOptionTable()) {
    AppendOption(out, "--" + std::string(option.name) + " " + std::string(option.placeholder),
                 option.help);
  }
  AppendOption(out, "--explain", "a line for each step of the calculation before the digest");
  AppendOption(out, "--json", "an object whose key 'digest' has the digest");
  out +=
      "\n"
      "Compare the digest with what the hardware says; each comparison is a line, and\n"
      "all must hold:\n";
  for (const VerifyOption& option : VerifyOptions()) {
    AppendOption(out, "--" + std::string(option.name) + " " + std::string(option.value),
                 option.help);
  }
  out +=
      "\n"
      "Examples:\n"
      "  sealvm measure --isolation snp --firmware OVMF.amdsev.fd --cpus 4 \\\n"
      "      --cpu-model EPYC-Milan --kernel vmlinuz --initrd initrd.img \\\n"
      "      --cmdline 'console=ttyS0'\n"
      "  sealvm measure --isolation tdx --firmware OVMF.fd\n"
      "  sealvm measure --isolation tdx --firmware OVMF.fd --verify quote.bin \\\n"
      "      --event-log ccel.bin --cert intel-root.pem\n"
      "  sealvm measure --isolation snp --firmware OVMF.amdsev.fd \\\n"
      "      --cpu-model EPYC-Milan --policy 0x30000 --id-key id.pem \\\n"
      "      --write-id-block id-block.bin --write-id-auth id-auth.bin\n"
      "  sealvm measure --isolation sev --firmware OVMF.amdsev.fd --policy 1 \\\n"
      "      --verify measurement.json --tik vm_tik.bin --tek vm_tek.bin \\\n"
      "      --secret 736869e5-84f0-4973-92ec-06879ce3da0b=passphrase \\\n"
      "      --write-secret secret.bin\n"
      "\n"
      "Exit codes: 0 the digest was printed, or all of --verify holds; 1 the host\n"
      "failed, or the report says something else; 2 bad usage, a file\n"
      "that is no good, or a firmware that does not enforce the hashes of a kernel.\n";
  return out;
}

}  // namespace sealvm
