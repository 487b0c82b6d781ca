// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_LOG_H_
#define SEALVM_VMM_CLI_LOG_H_

#include <string_view>

#include "memory/base/fd.h"
#include "memory/base/log_level.h"
#include "memory/base/result.h"

namespace sealvm {

// The front-end's log: lines on standard error, or in the file that --log-file named, with the time
// since the process started. Nothing is created until a line is due. Thread-safe after
// ConfigureLog.

// Before any line. `file` empty: standard error.
void ConfigureLog(int verbosity, Fd file);

// Opens --log-file for appending.
Result<Fd> OpenLogFile(const std::string& path);

LogLevel LogThreshold();
// Whether a line of this level would be written: ask before composing an expensive one.
bool LogEnabled(LogLevel level);
void Log(LogLevel level, std::string_view message);

// A line on standard error that the user asked for, whatever the log's level: "sealvm: <text>".
void Announce(std::string_view text);

// The last line of a run that failed: to standard error always, and to the log file.
void ReportError(const Error& error);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_LOG_H_
