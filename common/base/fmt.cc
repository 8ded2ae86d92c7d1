// fmt's functions that are no templates. Debian has them as a shared library only, which would
// bring in the shared libstdc++ and make a start take half as long again; compiled into every file
// that formats something, as FMT_HEADER_ONLY does, they cost three seconds a file.
#define FMT_STATIC_THOUSANDS_SEPARATOR ','  // or all of std::locale would come along, 0.6 MB
#include <fmt/format.h>

// Weak: an installed library of ours has them, and the program that links it may have its own fmt.
#undef FMT_FUNC
#define FMT_FUNC __attribute__((weak))
#include <fmt/format-inl.h>

// What <fmt/format.h> declares as `extern template`, but for wchar_t.
template auto fmt::detail::thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto fmt::detail::decimal_point_impl(locale_ref) -> char;

// What <fmt/core.h> only declares.
template void fmt::detail::buffer<char>::append(const char*, const char*);
template void fmt::detail::vformat_to(buffer<char>&, string_view, format_args, locale_ref);
