#pragma once

#include <string>
#include <string_view>

namespace subunit::report {

/// Appends text between tags, in XML 1.0. What XML cannot carry is shown byte by byte as `\xNN`:
/// controls other than tab, line feed and carriage return, U+FFFE, U+FFFF, and bytes that are not
/// UTF-8, among them surrogates. DEL and the controls from U+0080 on, which XML discourages, are
/// too. A parser gets all other text back as it was, carriage returns among it.
void append_xml(std::string& xml, std::string_view text);

/// Appends a blank, the name, and the value in double quotes. Of the value, line feeds and tabs are
/// kept, too.
void append_attribute(std::string& xml, std::string_view name, std::string_view value);

/// Appends `<name>text</name>`, or nothing if there is no text.
void append_element(std::string& xml, std::string_view name, std::string_view text);

}  // namespace subunit::report
