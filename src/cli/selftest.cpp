#include "cli/app.h"
#include "core/catalog.h"
#include "core/clock.h"
#include "core/file.h"
#include "report/progress.h"
#include "verify/check.h"
#include "verify/figure.h"

namespace scoresde {
namespace {

struct SelftestFlags {
  std::string only, markdown, figure, sde = "vp";
  bool full = false;
};

struct SelftestPart {
  const VerificationEntry* entry;
  std::vector<CheckTable> tables;
  double seconds;
};

std::size_t failures_of(const CheckTable& table) {
  std::size_t failed = 0;
  for (const Check& check : table.checks) failed += !check.passed();
  return failed;
}

/// "3 of 91 checks FAILED", "all 91 checks passed".
std::string verdict_text(std::size_t failed, std::size_t all) {
  return failed ? fmt::format("{} of {} FAILED", failed, counted(static_cast<long long>(all), "check"))
                : fmt::format("all {} passed", counted(static_cast<long long>(all), "check"));
}

void print_part(const SelftestPart& part) {
  for (const CheckTable& table : part.tables) {
    if (table.checks.empty()) continue;
    fmt::print("{}: {}\n{}\n\n{}\n", table.title, verdict_text(failures_of(table), table.checks.size()),
               wrapped_text(table.note, 80), text_table(table_of(table)));
  }
}

Json part_json(const SelftestPart& part) {
  Json tables = Json::array();
  for (const CheckTable& table : part.tables) {
    Json checks = Json::array();
    for (const Check& check : table.checks)
      checks.push_back({{table.row_header, check.row},
                        {"at", check.column},
                        {"measured", check.measured},
                        {"low", check.low},
                        {"high", check.high},
                        {"passed", check.passed()}});
    tables.push_back({{"title", table.title}, {"checks", checks}});
  }
  return {{"name", part.entry->name}, {"seconds", part.seconds}, {"tables", tables}};
}

std::string markdown_of(const std::vector<SelftestPart>& parts, bool full) {
  std::string page =
      "# Everything against its closed form\n\n"
      "Written by `scoresde selftest" +
      std::string(full ? " --full" : "") +
      " --markdown docs/selftest.md`; do not edit. A number that does not pass is followed by `!`.\n";
  for (const SelftestPart& part : parts)
    for (const CheckTable& table : part.tables)
      if (!table.checks.empty())
        page += fmt::format("\n## {}\n\n{}\n\n{}\n\n{}.\n", table.title, table.note, markdown_table(table_of(table)),
                            verdict_text(failures_of(table), table.checks.size()));
  return page;
}

void run_selftest(const SelftestFlags& flags, const CommonFlags& common) {
  for (const std::string& path : {flags.markdown, flags.figure})
    if (!path.empty()) require_free(path, common.force);
  if (!flags.figure.empty()) {
    write_report(flags.figure, density_figure(flags.sde));
    if (flags.only.empty() && flags.markdown.empty()) return;
  }
  std::vector<const VerificationEntry*> chosen;
  for (const std::string& name : split(flags.only, ','))
    chosen.push_back(&find_entry("verification", verifications(), name));
  if (chosen.empty())
    for (const VerificationEntry& entry : verifications())
      if (flags.full || !entry.minutes) chosen.push_back(&entry);
  std::vector<SelftestPart> parts;
  std::size_t failed = 0, all = 0;
  const Stopwatch watch;
  for (const VerificationEntry* entry : chosen) {
    if (!common.quiet && !common.json) fmt::print(stderr, "{}: {} ...\n", entry->name, entry->summary);
    const Stopwatch part_watch;
    std::vector<CheckTable> tables = entry->run({.full = flags.full, .threads = thread_count(common)});
    parts.push_back({entry, std::move(tables), part_watch.seconds()});
    for (const CheckTable& table : parts.back().tables) failed += failures_of(table), all += table.checks.size();
    if (!common.json) print_part(parts.back());
  }
  if (!flags.markdown.empty()) write_atomically(flags.markdown, markdown_of(parts, flags.full));
  if (common.json) {
    Json json = {{"checks", all}, {"failed", failed}, {"seconds", watch.seconds()}, {"parts", Json::array()}};
    for (const SelftestPart& part : parts) json["parts"].push_back(part_json(part));
    print_json(json);
  } else {
    fmt::print("{} in {}\n", verdict_text(failed, all), duration_text(watch.seconds()));
  }
  if (failed) fail(Failure::numerical, "{} of {} checks failed", failed, all);
}

}  // namespace

void add_selftest(CLI::App& app, CommonFlags& common) {
  static SelftestFlags flags;
  CLI::App* command =
      add_command(app, common, "selftest",
                  "Every SDE, solver and likelihood held to closed forms, with measured orders.", "scoresde selftest");
  std::string names;
  for (const VerificationEntry& entry : verifications()) names += (names.empty() ? "" : ", ") + std::string(entry.name);
  command->add_option("--only", flags.only,
                      "some of " + names + "; restoration takes minutes and runs only when named, or with --full");
  command->add_flag("--full", flags.full, "more samples and finer steps: minutes");
  command->add_option("--markdown", flags.markdown, "write the tables as a page")->check(ends_in(".md"));
  command->add_option("--figure", flags.figure, "a page with the densities and paths of one SDE, in place of the tests")
      ->check(ends_in(".html"));
  command->add_option("--sde", flags.sde, "of --figure: see `scoresde list sdes`")->capture_default_str();
  command->add_flag("--force", common.force, "overwrite what stands at --markdown or --figure");
  command->callback([&common] { run_selftest(flags, common); });
}

}  // namespace scoresde
