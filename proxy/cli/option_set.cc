#include "proxy/cli/option_set.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cmath>

// The one file that includes CLI11: it takes seconds to compile.

namespace proxy {
namespace {

constexpr const char* kHelpNames = "-h,--help";
constexpr const char* kHelpText = "print this help";

/// CLI11's, with a usage text of our own for a subcommand.
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(const char* usage = nullptr) : usage_(usage) { column_width(30); }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    return usage_ ? usage_ : CLI::Formatter::make_usage(app, name);
  }
  std::string make_positionals(const CLI::App*) const override { return ""; }
  // CLI11 would name the type of a value beside the name that it was given.
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_option_text().empty() ? CLI::Formatter::make_option_opts(option)
                                             : " " + option->get_option_text();
  }

 private:
  const char* usage_;
};

/// CLI11 shows the number of a name that has one, but not of an enumeration.
enum class Chosen : int {};

subunit::Time time_of(double seconds) {
  return std::chrono::duration_cast<subunit::Time>(std::chrono::duration<double>(seconds));
}

}  // namespace

struct OptionSet::Parser {
  std::shared_ptr<CLI::App> app;
  std::vector<std::function<void()>> checks;
  std::vector<std::string>* rest = nullptr;

  template <typename T, typename Store>
  CLI::Option* add(const Label& label, Store store) {
    return app->add_option_function<T>(label.name, store, label.help)->option_text(label.value);
  }

  template <typename T>
  void bind(const Label& label, T& value) {
    app->add_option(label.name, value, label.help)->option_text(label.value);
  }
};

OptionSet::OptionSet(const Text& text) : parser_(std::make_unique<Parser>()) {
  parser_->app = std::make_shared<CLI::App>(text.description, text.name);
  CLI::App& app = *parser_->app;
  app.set_help_flag(kHelpNames, kHelpText);
  app.formatter(std::make_shared<HelpFormatter>(text.usage));
  app.footer(text.footer);
  if (text.hidden) app.group("");
}

OptionSet::~OptionSet() = default;

void OptionSet::flag(const char* name, const char* help, bool& value) {
  parser_->app->add_flag(name, value, help);
}

void OptionSet::text(const Label& label, std::string& value) {
  parser_->bind(label, value);
}

void OptionSet::text(const Label& label, std::optional<std::string>& value) {
  parser_->bind(label, value);
}

void OptionSet::text(const Label& label, const Store<const std::string&>& store) {
  parser_->add<std::string>(label, store);
}

void OptionSet::texts(const Label& label, std::vector<std::string>& values) {
  texts(label, [&values](const std::string& value) { values.push_back(value); });
}

void OptionSet::texts(const Label& label, const Store<const std::string&>& store) {
  parser_
      ->add<std::vector<std::string>>(label,
                                      [store](const std::vector<std::string>& values) {
                                        for (const std::string& value : values) store(value);
                                      })
      ->allow_extra_args(false);
}

void OptionSet::integer(const Label& label, int min, int max, const Store<int>& store) {
  parser_->add<int>(label, store)->check(CLI::Range(min, max));
}

void OptionSet::number(const Label& label, double min, double max, const Store<double>& store) {
  const auto store_number = [name = std::string(label.name), store](double value) {
    // CLI::Range lets it pass.
    if (std::isnan(value)) throw UsageError(name + ": nan is not a number");
    store(value);
  };
  parser_->add<double>(label, store_number)->check(CLI::Range(min, max));
}

void OptionSet::seconds(const char* name, const char* help, subunit::Time& value) {
  const double preset = std::chrono::duration<double>(value).count();
  number({name, "SECONDS", fmt::format("{} ({:g})", help, preset)}, 0.001, subunit::kMaxSeconds,
         [&value](double given) { value = time_of(given); });
}

void OptionSet::seconds(const char* name, const char* help, std::optional<subunit::Time>& value) {
  number({name, "SECONDS", help}, 0.001, subunit::kMaxSeconds,
         [&value](double given) { value = time_of(given); });
}

void OptionSet::choose(const Label& label, const std::vector<std::pair<std::string, int>>& names,
                       const Store<int>& store) {
  std::map<std::string, Chosen> choices;
  for (const auto& [name, number] : names) choices.emplace(name, Chosen(number));
  parser_->add<Chosen>(label, [store](Chosen chosen) { store(static_cast<int>(chosen)); })
      ->transform(CLI::CheckedTransformer(choices));
}

void OptionSet::words(const char* name, const char* help, std::vector<std::string>& values) {
  parser_->app->add_option(name, values, help);
}

void OptionSet::rest(std::vector<std::string>& values) {
  parser_->app->prefix_command();
  parser_->rest = &values;
}

void OptionSet::exclude(const char* name, const char* other) {
  parser_->app->get_option(name)->excludes(other);
}

void OptionSet::require(const char* name, const char* other) {
  parser_->app->get_option(name)->needs(other);
}

void OptionSet::check(std::function<void()> check) {
  parser_->checks.push_back(std::move(check));
}

bool OptionSet::given(const char* name) const {
  const CLI::Option* option = parser_->app->get_option_no_throw(name);
  return option && !option->empty();
}

bool OptionSet::named() const {
  return parser_->app->parsed();
}

std::string OptionSet::name() const {
  return parser_->app->get_name();
}

void OptionSet::finish() {
  if (parser_->rest) *parser_->rest = parser_->app->remaining();
  for (const auto& check : parser_->checks) check();
}

std::optional<std::string> parse_options(const ProgramText& program,
                                         std::span<OptionSet* const> subcommands,
                                         const std::vector<std::string>& words) {
  CLI::App app(program.description, program.name);
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_version_flag("--version", program.version, "print the version");
  app.set_help_flag(kHelpNames, kHelpText);
  app.require_subcommand(1);
  app.footer(program.footer);
  for (const OptionSet* subcommand : subcommands) app.add_subcommand(subcommand->parser_->app);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // as CLI11 wants it
  } catch (const CLI::CallForVersion& version) {
    return version.what() + std::string("\n");
  } catch (const CLI::Success&) {
    return app.help();
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  for (OptionSet* subcommand : subcommands)
    if (subcommand->named()) subcommand->finish();
  return std::nullopt;
}

}  // namespace proxy
