#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/adapter/adapter.h"
#include "common/adapter/xml/xml_reader.h"

namespace subunit::adapter {

/// What doctest and Catch2 write while tests run. The two have much in common: doctest's writer
/// comes from Catch.
class XmlResults : public ResultReader, private XmlEvents {
 public:
  /// The id of a test whose element has begun.
  using IdOf = std::function<std::optional<std::string>(const XmlElement&)>;

  XmlResults(std::span<const std::string> ids, IdOf id_of)
      : asked_(ids.begin(), ids.end()), id_of_(std::move(id_of)), xml_(*this) {}

  void receive(std::string_view bytes) override;
  void end(const Remains& remains) override;

  /// To be called before receive(): the program will not run this test, which is skipped.
  void skip(const std::string& id, std::string reason);

  /// The same: if it has not started in the end, though the report is whole, it is skipped.
  void may_leave_out(const std::string& id, std::string reason);

  [[nodiscard]] bool others_have_failed() const override { return others_have_failed_; }
  [[nodiscard]] bool has_crashed() const override { return has_crashed_; }

 private:
  void begin_element(const XmlElement& element) override;
  void end_element(const XmlElement& element) override;
  void begin_test(const XmlElement& element);
  void end_test();
  [[nodiscard]] Status status() const;
  void end_expression(const XmlElement& element);
  void end_message(const XmlElement& element);
  void fail(std::string_view text);
  void note(std::string_view text);

  std::set<std::string, std::less<>> asked_;  // and not started
  IdOf id_of_;
  XmlReader xml_;
  std::map<std::string, std::string> may_be_left_out_;  // id to reason
  bool broken_ = false;
  bool is_whole_ = false;
  bool others_have_failed_ = false;
  bool has_crashed_ = false;
  // Of the test in progress.
  std::optional<std::string> test_;
  std::optional<bool> success_;
  bool is_to_fail_ = false;
  std::string timeout_;  // in seconds, of doctest's decorator
  int failures_ = 0;
  std::string text_;
  std::vector<Attachment> printed_;
  std::vector<std::string> sections_;
  std::vector<std::string> contexts_;  // of what comes next
  // Of the expression or message that has begun.
  bool in_expression_ = false;
  std::vector<std::pair<std::string, std::string>> details_;
};

/// Without the white space at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// A backslash before each of the characters `special`.
[[nodiscard]] std::string with_escapes(std::string_view text, std::string_view special);

}  // namespace subunit::adapter
