#include "common/report/ci/xml_text.h"

#include <doctest/doctest.h>

using namespace subunit::report;

namespace {

std::string xml_of(std::string_view text) {
  std::string xml;
  append_xml(xml, text);
  return xml;
}

}  // namespace

TEST_CASE("text that XML cannot carry is shown, and all other text comes back") {
  CHECK(xml_of("a<b>&c ]]> \t\n\r") == "a&lt;b&gt;&amp;c ]]&gt; \t\n&#13;");
  CHECK(xml_of(std::string_view("\0\x1b[1m\x7f", 6)) == "\\x00\\x1b[1m\\x7f");
  CHECK(xml_of("\xc2\x85 \xc2\xa0") == "\\xc2\\x85 \xc2\xa0");
  CHECK(xml_of("試験 \U0001f680") == "試験 \U0001f680");
  CHECK(xml_of("\xef\xbf\xbe \xef\xbf\xbf \xef\xbf\xbd") ==
        "\\xef\\xbf\\xbe \\xef\\xbf\\xbf \xef\xbf\xbd");
  CHECK(xml_of("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
  CHECK(xml_of("\xff\xe8\xa9") == "\\xff\\xe8\\xa9");
  std::string attribute;
  append_attribute(attribute, "a", "\"x\"\t\n<&");
  CHECK(attribute == " a=\"&quot;x&quot;&#9;&#10;&lt;&amp;\"");
}
