// What is made from the tree of commands: completions, the manual; and what the daemon adds to
// them.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <sstream>

#include "base/json.h"
#include "daemon/completion.h"
#include "daemon/completion_names.h"
#include "daemon/file_transfer.h"
#include "daemon/manual.h"

namespace stepwell::daemon {
namespace {

CommandTree small_tree() {
  CommandTree tree;
  tree.name = tree.path = "stepwell";
  tree.about = "Does things.";
  tree.options.push_back({{"--color"}, "auto|never", "Colours", "", false, false, false});
  CommandTree keys;
  keys.name = "keys";
  keys.path = "stepwell keys";
  keys.about = "API keys";
  keys.options.push_back({{"-o", "--output"}, "table|json", "Form", "", false, false, false});
  CommandTree show;
  show.name = "show";
  show.path = "stepwell keys show";
  show.about = "Show it's state; at once";
  show.footer = "Of one.\nExample:\n  stepwell keys show sw_1";
  show.options.push_back({{"key"}, "KEY", "Its id", "", true, true, false});
  show.options.push_back({{"--force"}, "", "Anyway", "", false, false, false});
  keys.commands.push_back(show);
  tree.commands.push_back(keys);
  return tree;
}

TEST(CommandTrees, GiveEachPlaceTheOptionsAboveIt) {
  const CommandTree tree = small_tree();
  const std::vector<CompletionPlace> places = completion_places(tree);
  ASSERT_EQ(places.size(), 3U);
  std::string options;
  for (const CommandOption* option : places[2].options) options += option->joined_names() + "; ";
  EXPECT_EQ(options, "--force; -o, --output; --color; ");
  EXPECT_EQ(places[2].positionals.size(), 1U);
  EXPECT_EQ(places[2].command->usage(), "stepwell keys show [OPTIONS] key");
}

TEST(FooterTexts, HaveTextAndExamples) {
  const FooterParts parts = parts_of("Of one,\nor more.\nExamples:\n  a \\\n      b\n  c");
  EXPECT_EQ(parts.text, "Of one, or more.");
  EXPECT_EQ(parts.examples, (std::vector<std::string>{"a \\", "    b", "c"}));
}

TEST(Completions, QuoteWhatAShellWouldTakeApart) {
  const CommandTree tree = small_tree();
  EXPECT_NE(zsh_completion(tree).find("'show:Show it'\\''s state'"), std::string::npos);
  EXPECT_NE(fish_completion(tree).find("-d 'Show it'\\''s state'"), std::string::npos);
  EXPECT_NE(bash_completion(tree).find("'stepwell keys show'"), std::string::npos);
}

TEST(Manuals, NameEachCommandWithItsExample) {
  const CommandTree tree = small_tree();
  const std::string page = manual_page(tree, "1.0");
  EXPECT_NE(page.find(".SS \"stepwell keys show [OPTIONS] key\""), std::string::npos) << page;
  EXPECT_NE(page.find("Show it\\(aqs state"), std::string::npos) << page;
  EXPECT_NE(page.find("\nstepwell keys show sw_1\n"), std::string::npos) << page;
  const std::string text = markdown_manual(tree);
  EXPECT_NE(text.find("### stepwell keys show\n"), std::string::npos) << text;
  EXPECT_NE(text.find("| `-o`, `--output` `table\\|json` | Form |"), std::string::npos) << text;
}

TEST(NamesToComplete, AreThoseThatAShellTakesForWords) {
  const auto names = [](const std::string& kind, std::string_view json) {
    std::string text;
    for (const std::string& name : completion_names(kind, *parse_json(json))) text += name + " ";
    return text;
  };
  EXPECT_EQ(names("WORKFLOW", R"({"items":[{"namespace":"b","name":"x","version":"1.0.0"},)"
                              R"({"namespace":"b","name":"x","version":"2.0.0"},)"
                              R"({"namespace":"a","name":"y"}]})"),
            "a/y b/x ");
  EXPECT_EQ(names("INSTANCE", R"({"items":[{"id":12}]})"), "12 ");
  EXPECT_EQ(names("USER", R"({"items":[{"name":"$(reboot"},{"name":"-rf"},{"name":"a b"},)"
                          R"({"name":"ana"}]})"),
            "ana ");
  EXPECT_EQ(names("OTHER", R"({"items":[{"name":"a"}]})"), "");
}

TEST(FileParts, AreAFormWithOneFile) {
  std::string pattern = testing::TempDir() + "stepwell-part-XXXXXX";
  const std::string folder = mkdtemp(pattern.data());
  const std::string path = folder + "/a\"b.txt";
  std::ofstream(path) << "content";
  const auto part = FilePart::open({path, "", "text/plain", "XX"});
  ASSERT_TRUE(part);
  const std::string expected =
      "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22b.txt\"\r\n"
      "Content-Type: text/plain\r\n\r\ncontent\r\n--XX--\r\n";
  EXPECT_EQ((*part)->size(), expected.size());
  for (int round = 0; round < 2; ++round) {
    std::string text;
    std::array<char, 5> room{};
    while (true) {
      const Result<std::size_t> count = (*part)->read(room.data(), room.size());
      ASSERT_TRUE(count);
      if (*count == 0) break;
      text.append(room.data(), *count);
    }
    EXPECT_EQ(text, expected);
    ASSERT_TRUE((*part)->rewind());
  }
  EXPECT_FALSE(FilePart::open({folder, "", "", "XX"})) << "a folder";
}

TEST(FileReplacements, LeaveWhatWasThereUntilAllHasCome) {
  std::string pattern = testing::TempDir() + "stepwell-replace-XXXXXX";
  const std::string path = std::string(mkdtemp(pattern.data())) + "/a";
  const auto content = [&path] {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  };
  std::ofstream(path) << "before";
  {
    FileReplacement cut(path);
    EXPECT_TRUE(cut.write("half"));
  }
  EXPECT_EQ(content(), "before");
  FileReplacement whole(path);
  EXPECT_TRUE(whole.write("af"));
  EXPECT_TRUE(whole.write("ter"));
  EXPECT_TRUE(whole.finish());
  EXPECT_EQ(content(), "after");
}

}  // namespace
}  // namespace stepwell::daemon
