// What commands print on a terminal and elsewhere: widths, colours, tables, progress.
#include "daemon/terminal.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "base/json.h"
#include "daemon/live_lines.h"
#include "daemon/output.h"
#include "daemon/run_progress.h"
#include "daemon/table.h"

namespace stepwell::daemon {
namespace {

Value parsed(std::string_view json) {
  const Result<Value> value = parse_json(json);
  EXPECT_TRUE(value) << json;
  return value ? *value : Value();
}

TEST(Widths, CountColumnsAndNotBytes) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("größe"), 5U);
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("e\xcc\x81"), 1U) << "an accent of its own";
  EXPECT_EQ(cut_to_width("größer", 4), "grö…");
  EXPECT_EQ(cut_to_width("日本語", 4), "日…");
  EXPECT_EQ(cut_to_width("abcd", 4), "abcd");
  EXPECT_EQ(cut_to_width("abcd", 0), "");
}

TEST(PrintableText, HasNothingThatATerminalObeys) {
  EXPECT_EQ(printable("a\033[2Jb"), "a\\u001b[2Jb");
  EXPECT_EQ(printable("a\nb"), "a\\u000ab");
  EXPECT_EQ(printable("a\nb", true), "a\nb");
  EXPECT_EQ(printable("\xc2\x9b"), "\\u009b") << "CSI in one character";
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\u202e") << "right to left";
  EXPECT_EQ(printable("\xff"), "\xef\xbf\xbd");
}

TEST(Colours, AreOnATerminalOnlyUnlessTheyAreAskedFor) {
  using Variables = std::map<std::string, std::string>;
  const auto wanted = [](ColourChoice choice, bool terminal, const Variables& variables) {
    return wants_colour(choice, terminal, [&variables](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
    });
  };
  const Variables usual{{"TERM", "xterm"}};
  EXPECT_TRUE(wanted(ColourChoice::automatic, true, usual));
  EXPECT_FALSE(wanted(ColourChoice::automatic, false, usual));
  EXPECT_FALSE(wanted(ColourChoice::automatic, true, {{"TERM", "dumb"}}));
  EXPECT_FALSE(wanted(ColourChoice::automatic, true, {{"TERM", "xterm"}, {"NO_COLOR", "1"}}));
  EXPECT_TRUE(wanted(ColourChoice::automatic, true, {{"TERM", "xterm"}, {"NO_COLOR", ""}}));
  EXPECT_TRUE(wanted(ColourChoice::always, false, {{"NO_COLOR", "1"}}));
  EXPECT_FALSE(wanted(ColourChoice::never, true, usual));
}

TEST(Tables, FitATerminalAndStayWholeElsewhere) {
  Table table;
  table.add({{"NAME"}, {"DETAIL"}, {"N"}});
  table.add({{"short"}, {"a rather long text that goes on"}, {"1"}});
  EXPECT_EQ(table.text(0, false),
            "NAME   DETAIL                           N\n"
            "short  a rather long text that goes on  1\n");
  EXPECT_EQ(table.text(20, false),
            "NAME   DETAIL      N\n"
            "short  a rather …  1\n");
  EXPECT_EQ(Table(table).text(1, false).find("a rat…") != std::string::npos, true)
      << "no narrower than that";
}

TEST(Answers, AreTablesJsonOrYaml) {
  const Value list = parsed(R"({"items":[{"id":1,"status":"faulted","error":{"reason":"dns"}}]})");
  const auto text = [&list](OutputFormat format, const Terminal& terminal) {
    std::ostringstream out;
    print_answer(out, format, list, {"id", "status", "error"}, terminal);
    return out.str();
  };
  EXPECT_EQ(text(OutputFormat::table, {}), "ID  STATUS   ERROR\n1   faulted  dns\n");
  EXPECT_EQ(parse_json(text(OutputFormat::json, {})), list);
  EXPECT_EQ(text(OutputFormat::yaml, {}),
            "items:\n  - id: 1\n    status: faulted\n    error:\n      reason: dns\n");
  Terminal terminal;
  terminal.out = terminal.colour = true;
  EXPECT_NE(text(OutputFormat::table, terminal).find("\033[31mfaulted\033[0m"), std::string::npos);
}

TEST(Answers, ShowListsAndLongTextsBelowAnObject) {
  std::ostringstream out;
  print_answer(out, OutputFormat::table,
               parsed(R"({"id":7,"steps":[{"name":"a","attempt":1},{"name":"b","error":)"
                      R"({"reason":"dns"}}],"source":"do:\n- a\n","none":null})"),
               {});
  EXPECT_EQ(out.str(),
            "id:  7\n"
            "steps:\n"
            "  NAME  ATTEMPT  ERROR\n"
            "  a     1        -\n"
            "  b     -        dns\n"
            "source:\n"
            "  do:\n"
            "  - a\n");
}

TEST(LiveLines, WriteOverThemselvesOnATerminalOnly) {
  std::ostringstream nothing;
  LiveLines(nothing, {}).show({{"a"}});
  EXPECT_EQ(nothing.str(), "");
  std::ostringstream out;
  Terminal terminal;
  terminal.err = true;
  terminal.columns = 6;
  LiveLines lines(out, terminal);
  lines.clear();
  lines.show({{"one"}, {"and a long one"}});
  lines.show({{"two"}});
  lines.keep();
  lines.show({{"three"}});
  EXPECT_EQ(out.str(),
            "\r\033[Jone\nand …\n"
            "\033[2A\r\033[Jtwo\n"
            "\r\033[Jthree\n");
}

TEST(StepBoards, ShowWhatRunsAndWhatHasEnded) {
  using Kind = engine::Trace::Kind;
  const SteadyTime begin{};
  StepBoard board;
  board.note(Kind::started, "loop", "/do/0/loop", 1, begin);
  board.note(Kind::started, "call", "/do/0/loop/do/0/call", 1, begin);
  board.note(Kind::retried, "call", "/do/0/loop/do/0/call", 2, begin + Milliseconds(50));
  board.note(Kind::completed, "call", "/do/0/loop/do/0/call", 2, begin + Milliseconds(120));
  board.note(Kind::started, "call", "/do/0/loop/do/0/call", 1, begin + Milliseconds(200));
  board.note(Kind::skipped, "last", "/do/1/last", 1, begin + Milliseconds(300));
  const auto texts = [&board](Milliseconds now, std::size_t most) {
    std::string text;
    for (const LiveLines::Line& line : board.lines(SteadyTime(now), most)) text += line.text + "\n";
    return text;
  };
  EXPECT_EQ(texts(Milliseconds(2'500), 9),
            "running    loop    2.5 s\n"
            "running      call  2.3 s  2 times\n"
            "skipped    last  \n");
  EXPECT_EQ(texts(Milliseconds(61'000), 2),
            "1 more\n"
            "running    loop    1:01 min\n"
            "running      call  1:00 min  2 times\n");
  board.note(Kind::faulted, "call", "/do/0/loop/do/0/call", 3, begin + Milliseconds(800));
  EXPECT_NE(texts(Milliseconds(900), 9).find("faulted      call  600 ms  attempt 3  2 times"),
            std::string::npos)
      << texts(Milliseconds(900), 9);
}

}  // namespace
}  // namespace stepwell::daemon
