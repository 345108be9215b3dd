#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace scoresde {

/// Why a call could not be done. The value is the exit code of the command line.
enum class Failure { run = 1, usage = 2, data = 3, numerical = 4 };

/// The one exception for anything a user can cause. Its message is one sentence that names the thing, the value and
/// what is allowed.
class Error : public std::runtime_error {
 public:
  Error(Failure failure, const std::string& message) : std::runtime_error(message), failure_(failure) {}
  Failure failure() const { return failure_; }

 private:
  Failure failure_;
};

/// Throws Error{failure} with a formatted message: `fail(Failure::data, "{}: {} bytes are missing", path, n)`.
template <class... Args>
[[noreturn]] void fail(Failure failure, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(failure, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace scoresde
