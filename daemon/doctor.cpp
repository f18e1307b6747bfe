#include "daemon/doctor.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include "daemon/doctor_look.h"

namespace stepwell::daemon {

namespace {

using Grade = Finding::Level;

std::size_t count(const Findings& findings, Grade level) {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [level](const Finding& finding) { return finding.level == level; }));
}

// Further lines of a detail stand below the first one.
std::string indented(std::string text, std::size_t by) {
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1))
    text.insert(at + 1, by, ' ');
  return text;
}

// What came of it, one finding each.
Findings mend_all(const CommandContext& context, const Findings& findings) {
  Findings outcomes;
  for (const Finding& finding : findings) {
    if (!finding.mend) continue;
    const Status mended = mend(context, *finding.mend);
    if (mended)
      outcomes.push_back({finding.check, Grade::ok, "mended: " + finding.detail});
    else
      outcomes.push_back(
          {finding.check, Grade::error, "not mended: " + mended.error().detail, finding.remedy});
  }
  return outcomes;
}

}  // namespace

Value describe(const Findings& findings) {
  Value items = Value::array();
  for (const Finding& finding : findings) {
    Value item = Value::object({{"level", to_string(finding.level)},
                                {"check", finding.check},
                                {"detail", finding.detail}});
    if (!finding.remedy.empty()) item.set("remedy", finding.remedy);
    items.push_back(std::move(item));
  }
  return Value::object({{"findings", std::move(items)},
                        {"errors", count(findings, Grade::error)},
                        {"warnings", count(findings, Grade::warning)}});
}

void print_findings(std::ostream& out, OutputFormat format, const Findings& findings) {
  if (format != OutputFormat::table) return print_answer(out, format, describe(findings), {});
  std::size_t level_width = 0;
  std::size_t check_width = 0;
  for (const Finding& finding : findings) {
    level_width = std::max(level_width, to_string(finding.level).size() + 2);
    check_width = std::max(check_width, finding.check.size() + 2);
  }
  const std::size_t margin = level_width + check_width;
  for (const Finding& finding : findings) {
    std::string line(to_string(finding.level));
    line.resize(level_width, ' ');
    line += finding.check;
    line.resize(margin, ' ');
    out << line << indented(finding.detail, margin) << '\n';
    if (!finding.remedy.empty())
      out << std::string(margin, ' ') << "→ " << indented(finding.remedy, margin + 2) << '\n';
  }
}

void doctor(CommandContext& context, const DoctorOptions& options, const Clock& clock) {
  Facts facts = look_at_site(context, clock);
  Findings findings = judge(facts);
  if (options.fix) {
    // One that was mended may have hidden others: a second look, and a third mending at most.
    Findings outcomes;
    for (int round = 0; round < 3; ++round) {
      const Findings made = mend_all(context, findings);
      if (made.empty()) break;
      outcomes.insert(outcomes.end(), made.begin(), made.end());
      facts = look_at_site(context, clock);
      findings = judge(facts);
      if (count(made, Grade::error) > 0) break;
    }
    findings.insert(findings.begin(), outcomes.begin(), outcomes.end());
  }
  print_findings(context.out, format_named(options.output), findings);
  if (count(findings, Grade::error) > 0) context.exit_code = kFailed;
  if (facts.settings_fault) context.exit_code = kUsage;
}

void doctor(CommandContext& context, const DoctorOptions& options) {
  doctor(context, options, SystemClock());
}

}  // namespace stepwell::daemon
