#include "api/multipart.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "api/byte_range.h"
#include "api/header_parameters.h"

namespace stepwell::api {
namespace {

// Writes down what it gets: "name|filename|type: content\n" for each part.
class Scribe final : public MultipartReader::Sink {
 public:
  Status begin_part(PartHead head) override {
    text += head.name + "|" + head.filename.value_or("-") + "|" + head.media_type + ": ";
    return {};
  }
  Status part_bytes(std::string_view bytes) override {
    if (bytes.empty()) text += "<nothing>";
    text += bytes;
    return {};
  }
  Status end_part() override {
    text += "\n";
    return {};
  }
  std::string text;
};

// What is found in a body that comes in pieces of these sizes, then in one; or the problem.
std::string read(std::string_view body, const std::string& boundary = "b",
                 const std::vector<std::size_t>& sizes = {}) {
  Scribe scribe;
  MultipartReader reader(boundary, scribe);
  Status fed;
  for (const std::size_t size : sizes) {
    if (!fed || body.empty()) break;
    const std::string piece(body.substr(0, size));
    body.remove_prefix(piece.size());
    fed = reader.feed(piece);
  }
  if (fed && !body.empty()) fed = reader.feed(body);
  if (fed) fed = reader.finish();
  return fed ? scribe.text : std::to_string(fed.error().status) + " " + fed.error().detail;
}

const std::string kDisposition = "Content-Disposition: form-data; name=\"a\"";
const std::string kFirst = "--b\r\n" + kDisposition;

struct Case {
  std::string body;
  std::string found;
};

TEST(Multipart, TakesApartWhatClientsSend) {
  const std::vector<Case> cases = {
      {kFirst + "\r\n\r\nx\r\n--b--\r\n", "a|-|: x\n"},
      // Its end need not be followed by anything, and may be.
      {kFirst + "\r\n\r\nx\r\n--b--", "a|-|: x\n"},
      {kFirst + "\r\n\r\nx\r\n--b--epilogue\r\n--b\r\n", "a|-|: x\n"},
      {"preamble\r\n" + kFirst + "\r\n\r\nx\r\n--b--", "a|-|: x\n"},
      {"\r\n" + kFirst + "\r\n\r\nx\r\n--b--", "a|-|: x\n"},
      // Blanks that a transport has added.
      {"--b \t\r\n" + kDisposition + "\r\n\r\nx\r\n--b  \r\n" + kDisposition + "\r\n\r\ny\r\n--b--",
       "a|-|: x\na|-|: y\n"},
      // No content, said in either way.
      {kFirst + "\r\n\r\n\r\n--b--", "a|-|: \n"},
      {kFirst + "\r\n\r\n--b--", "a|-|: \n"},
      // What only looks like a boundary.
      {kFirst + "\r\n\r\n\r\n\r\n--\r\n-b\r\n--c\r--b\n--b\r\n--b--",
       "a|-|: \r\n\r\n--\r\n-b\r\n--c\r--b\n--b\n"},
      {kFirst + "\r\n\r\n" + std::string("\0\r\n\xff\r", 5) + "\r\n--b--",
       "a|-|: " + std::string("\0\r\n\xff\r", 5) + "\n"},
      {kFirst + "; filename=\"x.txt\"\r\ncontent-type:text/plain\r\n\r\nx\r\n--b--",
       "a|x.txt|text/plain: x\n"},
      {kFirst + "; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--b--",
       "a||application/octet-stream: \n"},
      // As browsers and newer curls write what a quoted text cannot hold …
      {kFirst + "; filename=\"a%22b%0D%0Ac%25.txt\"\r\n\r\nx\r\n--b--", "a|a\"b\r\nc%25.txt|: x\n"},
      // … as older ones do …
      {kFirst + "; filename=\"a\\\"b\\\\c.txt\"\r\n\r\nx\r\n--b--", "a|a\"b\\c.txt|: x\n"},
      // … and paths, whose backslashes stand for themselves.
      {kFirst + "; filename=\"C:\\dir\\new.txt\"\r\n\r\nx\r\n--b--", "a|C:\\dir\\new.txt|: x\n"},
      {kFirst + "; filename=\"end\\\"\r\n\r\nx\r\n--b--", "a|end\\|: x\n"},
      {kFirst + "; filename=plain.txt\r\n\r\nx\r\n--b--", "a|plain.txt|: x\n"},
      {kFirst + "; filename=\"na\xc3\xafve; x=1.txt\"\r\n\r\nx\r\n--b--",
       "a|na\xc3\xafve; x=1.txt|: x\n"},
      {kFirst + "; filename=\"na_ve\"; filename*=UTF-8''na%C3%AFve\r\n\r\nx\r\n--b--",
       "a|na\xc3\xafve|: x\n"},
      {kFirst + "; filename*=iso-8859-1'fr'na%EFve; filename=\"n\"\r\n\r\nx\r\n--b--",
       "a|na\xc3\xafve|: x\n"},
      {kFirst + "; filename=\"n\"; filename*=UTF-8''%FF\r\n\r\nx\r\n--b--", "a|n|: x\n"},
      // A line that goes on in the next one, fields that do not matter, and one that changes
      // nothing.
      {"--b\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\nX-More: 1\r\n"
       "Content-Transfer-Encoding: binary\r\n\r\nx\r\n--b--",
       "a|-|: x\n"},
      {"--b\r\nCONTENT-DISPOSITION:FORM-DATA;NAME=a\r\n\r\nx\r\n--b--", "a|-|: x\n"},
  };
  for (const Case& each : cases) EXPECT_EQ(read(each.body), each.found) << each.body;
}

TEST(Multipart, RefusesWhatTwoReadersCouldUnderstandDifferently) {
  const std::vector<Case> cases = {
      {"", "400 the body does not have the boundary"},
      {"nothing of the kind", "400 the body does not have the boundary"},
      {std::string(20'000, 'x'), "400 the body does not begin with the boundary"},
      {kFirst, "400 the body ends in the middle of a part"},
      {kFirst + "\r\n\r\nx", "400 the body ends in the middle of a part"},
      {kFirst + "\r\n\r\nx\r\n--b", "400 the body ends in the middle of a part"},
      {kFirst + "\r\n\r\nx\r\n--b\r\n", "400 the body ends in the middle of a part"},
      {kFirst + "\r\n\r\nx\r\n--b-", "400 the body ends in the middle of a part"},
      {kFirst + "\r\n\r\nx\r\n--bc\r\n", "400 a line begins with the boundary and goes on"},
      {kFirst + "\r\n\r\nx\r\n--b\n", "400 a line begins with the boundary and goes on"},
      {kFirst + "\r\n\r\nx\r\n--b-x", "400 a line begins with the boundary and goes on"},
      {"--b\r\n\r\nx\r\n--b--", "400 a part has no Content-Disposition"},
      {"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--",
       "400 a part has no Content-Disposition"},
      {"--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--",
       "400 a part's Content-Disposition cannot be read"},
      {"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
       "400 a part's Content-Disposition has no name"},
      {kFirst + "; name=\"c\"\r\n\r\nx\r\n--b--",
       "400 a part's Content-Disposition cannot be read"},
      {kFirst + "; filename=\"x\r\n\r\nx\r\n--b--",
       "400 a part's Content-Disposition cannot be read"},
      {kFirst + "\r\n" + kDisposition + "\r\n\r\nx\r\n--b--",
       "400 a part has two Content-Disposition lines"},
      {kFirst + "\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n--b--",
       "400 a part has a Content-Transfer-Encoding"},
      {kFirst + "\r\nno colon\r\n\r\nx\r\n--b--", "400 a part has a header line without a name"},
      {kFirst + "\r\nX: \x01\r\n\r\nx\r\n--b--", "400 a part's header lines hold control"},
      {kFirst + "\n\r\n\r\nx\r\n--b--", "400 a part's header lines hold control"},
      {"--b\r\n folded: x\r\n\r\nx\r\n--b--", "400 a part's first header line begins with a blank"},
      {kFirst + "\r\nX: " + std::string(20'000, 'x') + "\r\n\r\nx\r\n--b--",
       "400 a part's header lines have more than 16384 bytes"},
  };
  for (const Case& each : cases) {
    const std::string found = read(each.body);
    EXPECT_TRUE(found.starts_with(each.found)) << each.body.substr(0, 100) << "\n" << found;
  }
  std::string many;
  for (int i = 0; i < 33; ++i) many += kFirst + "\r\n\r\nx\r\n";
  EXPECT_EQ(read(many + "--b--"), "413 the body has more than 32 parts");
}

TEST(Multipart, ReadsTheSameHoweverTheBytesAreCut) {
  std::mt19937 random(7);
  const auto below = [&](std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most - 1)(random);
  };
  const std::vector<std::string> bits = {"--b",
                                         "\r\n",
                                         "\r",
                                         "\n",
                                         "-",
                                         "--b--",
                                         "b",
                                         kDisposition,
                                         "\r\n--b\r\n" + kDisposition,
                                         "\r\n\r\n",
                                         "x",
                                         " ",
                                         ": ",
                                         "; filename=\"",
                                         "\"",
                                         "Content-Type: text/plain",
                                         std::string(40, 'y')};
  std::size_t whole = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string body = below(4) == 0 ? "" : kFirst + "\r\n\r\n";
    for (std::size_t i = below(12); i > 0; --i) body += bits[below(bits.size())];
    if (below(4) != 0) body += "\r\n--b--";
    const std::string at_once = read(body);
    whole += at_once.starts_with("a|") ? 1 : 0;
    ASSERT_EQ(read(body, "b", std::vector<std::size_t>(body.size(), 1)), at_once) << body;
    std::vector<std::size_t> sizes;
    for (std::size_t i = 0; i < body.size(); ++i) sizes.push_back(1 + below(9));
    ASSERT_EQ(read(body, "b", sizes), at_once) << body;
  }
  EXPECT_GT(whole, 500U);
  // Every single cut of one with long header lines, at their limit and beyond it.
  for (const std::size_t length : {16'336U, 16'337U, 16'338U, 16'339U, 16'340U, 16'341U, 16'342U}) {
    const std::string body = kFirst + "\r\nX: " + std::string(length, 'x') + "\r\n\r\nz\r\n--b--";
    const std::string at_once = read(body);
    for (std::size_t cut = body.size() - 30; cut < body.size(); ++cut)
      ASSERT_EQ(read(body, "b", {cut}), at_once) << length << " " << cut;
  }
}

TEST(Multipart, HoldsNoMoreOfAPartThanItsHead) {
  struct Counter final : MultipartReader::Sink {
    Status begin_part(PartHead) override { return {}; }
    Status part_bytes(std::string_view bytes) override {
      count += bytes.size();
      return {};
    }
    Status end_part() override { return {}; }
    std::size_t count = 0;
  };
  Counter counter;
  MultipartReader reader("b", counter);
  ASSERT_TRUE(reader.feed(kFirst + "\r\n\r\n"));
  const std::string piece(1'000, '\r');
  for (std::size_t i = 1; i <= 50; ++i) {
    ASSERT_TRUE(reader.feed(piece));
    EXPECT_GE(counter.count + 16, i * piece.size());
  }
}

TEST(Multipart, ItsSinkCanStopIt) {
  struct Refusing final : MultipartReader::Sink {
    Status begin_part(PartHead) override { return {}; }
    Status part_bytes(std::string_view) override {
      return fail(make_problem(ErrorKind::runtime, "disk-full", "no room"));
    }
    Status end_part() override { return {}; }
  };
  Refusing refusing;
  MultipartReader reader("b", refusing);
  const Status fed = reader.feed(kFirst + "\r\n\r\nsome\r\n--b--");
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, "disk-full");
}

TEST(Multipart, FindsTheBoundaryInTheContentType) {
  const auto boundary = [](std::string_view type) {
    const auto found = multipart_boundary(type);
    return found ? found->value_or("none") : found.error().code;
  };
  EXPECT_EQ(boundary("multipart/form-data; boundary=xyz"), "xyz");
  EXPECT_EQ(boundary("Multipart/Form-Data;charset=utf-8; Boundary=\"a b:c\""), "a b:c");
  EXPECT_EQ(boundary("application/pdf"), "none");
  EXPECT_EQ(boundary(""), "none");
  EXPECT_EQ(boundary("multipart/form-database; boundary=x"), "none");
  for (const char* wrong :
       {"multipart/form-data", "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"x \"",
        "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary=\"a\x7f\"",
        "multipart/form-data; "
        "boundary=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    EXPECT_EQ(boundary(wrong), "multipart-invalid") << wrong;
}

TEST(Attachment, NamesAFileForOldAndNewReaders) {
  EXPECT_EQ(attachment("a b.pdf"), "attachment; filename=\"a b.pdf\"");
  EXPECT_EQ(attachment("na\xc3\xafve.txt"),
            "attachment; filename=\"na_ve.txt\"; filename*=UTF-8''na%C3%AFve.txt");
  EXPECT_EQ(attachment("a\"b\\c%41"),
            "attachment; filename=\"a_b_c_41\"; filename*=UTF-8''a%22b%5Cc%2541");
}

TEST(ByteRange, IsWhatTheRequestAsksFor) {
  struct Row {
    const char* range;
    const char* found;  // "first+size", "whole" or "416"
  };
  for (const Row& row : std::vector<Row>{{"bytes=0-0", "0+1"},
                                         {"bytes=2-5", "2+4"},
                                         {"bytes=2-", "2+8"},
                                         {"bytes=-3", "7+3"},
                                         {"bytes=-30", "0+10"},
                                         {"bytes=9-99", "9+1"},
                                         {"Bytes= 2-5 ", "2+4"},
                                         {"bytes=10-", "416"},
                                         {"bytes=-0", "416"},
                                         {"bytes=5-2", "whole"},
                                         {"bytes=0-1,3-4", "whole"},
                                         {"bytes=-", "whole"},
                                         {"bytes=x-1", "whole"},
                                         {"bytes=1-x", "whole"},
                                         {"bytes=99999999999999999999-", "whole"},
                                         {"lines=1-2", "whole"},
                                         {"", "whole"}}) {
    const std::string range = row.range;
    const auto read = read_range(&range, 10);
    const std::string found =
        !read    ? std::to_string(read.error().status)
        : !*read ? "whole"
                 : std::to_string((*read)->first) + "+" + std::to_string((*read)->size);
    EXPECT_EQ(found, row.found) << row.range;
  }
  const auto none = read_range(nullptr, 10);
  EXPECT_TRUE(none && !*none);
  const std::string first = "bytes=0-";
  EXPECT_FALSE(read_range(&first, 0));
}

TEST(ByteRange, KnowsItsEntityTag) {
  for (const Comparison how : {Comparison::weak, Comparison::strong}) {
    EXPECT_TRUE(names_tag("\"a\"", "\"a\"", how));
    EXPECT_TRUE(names_tag("\"b\", \"a\" ", "\"a\"", how));
    EXPECT_TRUE(names_tag("*", "\"a\"", how));
    EXPECT_FALSE(names_tag("\"b\"", "\"a\"", how));
    EXPECT_FALSE(names_tag("", "\"a\"", how));
  }
  EXPECT_TRUE(names_tag("\"b\", W/\"a\" ", "\"a\"", Comparison::weak));
  EXPECT_FALSE(names_tag("\"b\", W/\"a\" ", "\"a\"", Comparison::strong));
}

}  // namespace
}  // namespace stepwell::api
