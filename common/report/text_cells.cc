#include "common/report/text_cells.h"

#include <langinfo.h>
#include <locale.h>
#include <wchar.h>

#include <algorithm>
#include <vector>

#include "common/base/text.h"

namespace subunit::report {
namespace {

// Of the text for each column: more than a wide character, or a letter with its accents, takes.
constexpr std::size_t kBytesPerColumn = 16;

/// The thread's locale, for as long as this lives.
class UsedLocale {
 public:
  explicit UsedLocale(locale_t locale) : before_(::uselocale(locale)) {}
  UsedLocale(const UsedLocale&) = delete;
  ~UsedLocale() { ::uselocale(before_); }

 private:
  locale_t before_;
};

bool continues_character(char byte) {
  return (byte & 0xC0) == 0x80;
}

/// Asks for the wide form of the character before it, which not every terminal has.
constexpr char32_t kEmojiSelector = 0xFE0F;

/// Negative: must not be shown.
int columns_of(char32_t c) {
  if (is_invisible(c)) return -1;
  if (c == kEmojiSelector) return 1;
  return ::wcwidth(static_cast<wchar_t>(c));
}

using Cells = std::vector<TextCells::Fitted>;

void append_escaped(std::string_view bytes, Cells& out) {
  std::string text = escaped(bytes, SIZE_MAX);
  const std::size_t columns = text.size();
  out.push_back({std::move(text), columns});
}

/// `text`: well-formed UTF-8. A character that takes no column stays with the one before it.
void append_characters(std::string_view text, Cells& out) {
  while (!text.empty()) {
    std::size_t size = 1;
    while (size < text.size() && continues_character(text[size])) ++size;
    const std::string_view character = text.substr(0, size);
    const int columns = columns_of(code_point(character));
    if (columns < 0 || character == "\\") {
      append_escaped(character, out);
    } else if (columns == 0 && !out.empty()) {
      out.back().text += character;
    } else {
      out.push_back({std::string(character), static_cast<std::size_t>(columns)});
    }
    text.remove_prefix(size);
  }
}

Cells utf8_cells(std::string_view text) {
  Cells cells;
  while (!text.empty()) {
    const std::size_t valid = scan_utf8(as_bytes(text)).valid;
    append_characters(text.substr(0, valid), cells);
    text.remove_prefix(valid);
    if (text.empty()) break;
    append_escaped(text.substr(0, 1), cells);
    text.remove_prefix(1);
  }
  return cells;
}

Cells ascii_cells(std::string_view text) {
  Cells cells;
  for (std::size_t at = 0; at < text.size(); ++at) append_escaped(text.substr(at, 1), cells);
  return cells;
}

}  // namespace

void TextCells::Free::operator()(locale_t locale) const {
  ::freelocale(locale);
}

TextCells::TextCells(const char* locale)
    : locale_(::newlocale(LC_CTYPE_MASK, locale, static_cast<locale_t>(nullptr))) {
  if (locale_ && std::string_view(::nl_langinfo_l(CODESET, locale_.get())) != "UTF-8")
    locale_.reset();
}

TextCells::Fitted TextCells::fit_end(std::string_view text, std::size_t columns) const {
  const std::string_view ellipsis = locale_ ? "…" : "..";
  const std::size_t ellipsis_columns = locale_ ? 1 : 2;

  const std::size_t skipped = text.size() - std::min(text.size(), columns * kBytesPerColumn);
  std::string_view rest = text.substr(skipped);
  while (locale_ && skipped > 0 && !rest.empty() && continues_character(rest[0]))
    rest.remove_prefix(1);

  Cells cells;
  if (locale_) {
    const UsedLocale used(locale_.get());
    cells = utf8_cells(rest);
  } else {
    cells = ascii_cells(rest);
  }
  std::size_t all = 0;
  for (const Fitted& cell : cells) all += cell.columns;
  bool cut = skipped > 0 || all > columns;
  std::size_t room = columns;
  if (cut) room -= std::min(room, ellipsis_columns);

  Fitted end{.text = "", .columns = 0};
  auto first = cells.end();
  while (first != cells.begin() && end.columns + std::prev(first)->columns <= room)
    end.columns += (--first)->columns;
  if (cut && columns >= ellipsis_columns) {
    end.text = ellipsis;
    end.columns += ellipsis_columns;
  }
  for (; first != cells.end(); ++first) end.text += first->text;
  return end;
}

}  // namespace subunit::report
