#pragma once

#include <memory>
#include <span>
#include <string_view>

namespace proxy {

class Subcommand;

/// A program: what it is for, and which subcommands it has.
struct Program {
  struct Entry {
    std::string_view name;
    /// `terminal`: stdout is one.
    std::unique_ptr<Subcommand> (*make)(bool terminal);
  };

  const char* description;
  std::span<const Entry> subcommands;
  std::span<const std::string_view> left_out;  ///< those that only the whole program has
};

/// `subunit-proxy`.
extern const Program kWholeProgram;

/// The part of it that a test machine needs.
extern const Program kServeProgram;

}  // namespace proxy
