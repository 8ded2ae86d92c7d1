#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace subunit::adapter {

/// An element that has begun.
struct XmlElement {
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes = {};
  std::string text = {};  ///< in it, without that of the elements in it

  /// "" if there is none.
  [[nodiscard]] std::string_view operator[](std::string_view attribute) const;
};

/// Takes a document in pieces as it is written.
class XmlEvents {
 public:
  virtual ~XmlEvents() = default;
  virtual void begin_element(const XmlElement& element) = 0;
  /// With its text.
  virtual void end_element(const XmlElement& element) = 0;
};

/// What XML cannot hold, and doctest and Catch2 write all the same: form feeds and vertical tabs,
/// U+FFFE and U+FFFF, halves of surrogate pairs, forms that are too long. Each byte of it becomes
/// "\xNN", as those of other controls do and those that are not UTF-8.
[[nodiscard]] std::string fit_for_xml(std::string_view text);

/// Reads an XML document that comes in pieces (with expat). What is not fit for XML is made so, and
/// white space in attributes stays what it is: doctest and Catch2 write names as they are.
class XmlReader {
 public:
  /// `events` outlives this.
  explicit XmlReader(XmlEvents& events);
  ~XmlReader();
  XmlReader(const XmlReader&) = delete;
  XmlReader& operator=(const XmlReader&) = delete;

  /// An Error if it is not XML; then nothing further is read. A document that ends too early is
  /// none: programs crash.
  [[nodiscard]] Result<> receive(std::string_view bytes);

 private:
  struct Parser;
  [[nodiscard]] std::string with_white_space(std::string_view bytes);

  std::unique_ptr<Parser> parser_;
  std::string cut_;  // the start of a character
  bool in_tag_ = false;
  bool in_attribute_ = false;
};

}  // namespace subunit::adapter
