#include "common/base/shell_words.h"

#include <algorithm>
#include <optional>

#include "common/base/text.h"

namespace subunit {
namespace {

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  Result<std::vector<Words>> split() {
    if (const std::size_t nul = text_.find('\0'); nul != text_.npos) {
      at_ = nul;
      return error("a command cannot contain a NUL byte, as this line does: {}", line());
    }
    while (at_ < text_.size()) {
      if (auto read = read_one(text_[at_]); !read) return tl::unexpected(read.error());
    }
    end_command();
    return std::move(commands_);
  }

 private:
  Result<> read_one(char c) {
    switch (c) {
      case '\n':
        end_command();
        break;
      case ' ':
      case '\t':
      case '\r':  // a file from elsewhere has it before each line feed
        end_word();
        break;
      case '\\':
        return read_escaped();
      case '\'':
      case '"':
        return read_quoted(c);
      case '#':
        if (!word_) {
          at_ = std::min(text_.find('\n', at_), text_.size());
          return {};
        }
        [[fallthrough]];
      default:
        add(c);
    }
    ++at_;
    return {};
  }

  Result<> read_escaped() {
    if (at_ + 1 == text_.size())
      return error(
          "a backslash is the last character of {}; to mean the backslash itself, write \\\\",
          line());
    if (text_[at_ + 1] != '\n') add(text_[at_ + 1]);
    at_ += 2;
    return {};
  }

  Result<> read_quoted(char quote) {
    begin_word();  // "" is one
    std::size_t i = at_ + 1;
    for (; i < text_.size() && text_[i] != quote; ++i) {
      const char next = i + 1 < text_.size() ? text_[i + 1] : '\0';
      if (quote == '"' && text_[i] == '\\' && kEscapable.find(next) != kEscapable.npos) {
        ++i;
        if (next == '\n') continue;
      }
      add(text_[i]);
    }
    if (i == text_.size()) return error("the quote ({}) is never closed in {}", quote, line());
    at_ = i + 1;
    return {};
  }

  void begin_word() {
    if (!word_) word_.emplace();
  }

  void add(char c) {
    begin_word();
    *word_ += c;
  }

  void end_word() {
    if (word_) command_.push_back(std::move(*word_));
    word_.reset();
  }

  void end_command() {
    end_word();
    if (!command_.empty()) commands_.push_back(std::move(command_));
    command_.clear();
  }

  /// The line where at_ is, for a person.
  [[nodiscard]] std::string line() const {
    const std::string_view before = text_.substr(0, at_);
    const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0
    return '"' + escaped(text_.substr(begin, text_.find('\n', at_) - begin)) + '"';
  }

  static constexpr std::string_view kEscapable = "$`\"\\\n";  // in double quotes

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Words> commands_;
  Words command_;
  std::optional<std::string> word_;  // that has begun
};

}  // namespace

Result<std::vector<Words>> split_commands(std::string_view text) {
  return Splitter(text).split();
}

namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-./:,@%+=").find(c) != std::string_view::npos;
}

}  // namespace

std::string shell_quote(std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, is_plain)) return std::string(text);
  std::string word = "'";
  for (const char c : text) {
    // Nothing but a quote has a meaning between quotes.
    c == '\'' ? word += "'\\''" : word += c;
  }
  return word + "'";
}

}  // namespace subunit
