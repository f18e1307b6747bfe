#include "auth/redactor.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "base/encoding.h"
#include "base/json.h"
#include "http/url.h"

namespace stepwell::auth {

namespace {

constexpr std::string_view kMask = "***";
constexpr std::size_t kShortest = 4;
constexpr std::size_t kShortestEverywhere = 8;
constexpr std::size_t kLongestWord = 12;
constexpr std::size_t kShortestIssued = 16;  // the same for what an upstream chose

std::size_t bucket_of(const char* four_bytes, std::size_t buckets) {
  std::uint32_t word = 0;
  std::memcpy(&word, four_bytes, sizeof word);
  return (word * 2654435761U) >> 18U & (buckets - 1);
}

// JSON with every character outside of ASCII as \uXXXX, as many libraries write it.
std::string json_ascii(std::string_view json) {
  std::string out;
  for (std::size_t i = 0; i < json.size();) {
    const auto lead = static_cast<unsigned char>(json[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length == 1 || i + length > json.size()) {
      out += json[i++];
      continue;
    }
    std::uint32_t point = lead & (0xFFU >> (length + 1));
    for (std::size_t j = 1; j < length; ++j)
      point = (point << 6U) | (static_cast<unsigned char>(json[i + j]) & 0x3FU);
    const auto append_unit = [&out](std::uint32_t unit) {
      const std::string bytes = {static_cast<char>(unit >> 8U), static_cast<char>(unit & 0xFFU)};
      out += "\\u" + to_hex(bytes);
    };
    if (point >= 0x10000) {
      append_unit(0xD800 + ((point - 0x10000) >> 10U));
      append_unit(0xDC00 + ((point - 0x10000) & 0x3FFU));
    } else {
      append_unit(point);
    }
    i += length;
  }
  return out;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string lower_escapes(std::string text) {
  for (std::size_t i = 0; i + 2 < text.size(); ++i) {
    if (text[i] != '%') continue;
    for (std::size_t j = i + 1; j <= i + 2; ++j) {
      if (text[j] >= 'A' && text[j] <= 'F') text[j] = static_cast<char>(text[j] - 'A' + 'a');
    }
  }
  return text;
}

// Without the padding, which may or may not be there, so that both are found.
std::string base64_core(std::string_view bytes) {
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  return text;
}

// What the base64 of any longer text has in it where that text has the bytes in it, `before` bytes
// (modulo 3) after its beginning; without the digits that neighbours have a part in.
std::string base64_inside(std::size_t before, std::string_view bytes) {
  std::string longer(before, '\0');
  longer += bytes;
  const std::string digits = to_base64(longer);
  wipe(longer);
  const std::size_t begin = (8 * before + 5) / 6;
  return digits.substr(begin, 8 * (before + bytes.size()) / 6 - begin);
}

// The inside of a JSON string.
std::string json_inside(std::string_view text) {
  const std::string json = to_json(Value(text));
  return json.substr(1, json.size() - 2);
}

std::string url_alphabet(std::string base64) {
  std::replace(base64.begin(), base64.end(), '+', '-');
  std::replace(base64.begin(), base64.end(), '/', '_');
  return base64;
}

std::vector<std::string> forms_of(std::string_view username, std::string_view secret) {
  std::vector<std::string> forms;
  forms.emplace_back(secret);
  forms.push_back(base64_core(secret));
  forms.push_back(url_alphabet(forms.back()));
  if (!username.empty()) {
    std::string pair = std::string(username) + ":" + std::string(secret);
    forms.push_back(base64_core(pair));
    forms.push_back(url_alphabet(forms.back()));
    wipe(pair);
  }
  for (std::size_t before = 0; before < 3; ++before) {
    forms.push_back(base64_inside(before, secret));
    forms.push_back(url_alphabet(forms.back()));
  }
  std::string percent = percent_encode(secret);
  forms.push_back(lower_escapes(percent));
  forms.push_back(replace_all(percent, "%20", "+"));
  forms.push_back(std::move(percent));
  // JSON, and JSON as a text within JSON, as gateways give on what they received.
  for (std::string json : {json_inside(secret), json_ascii(json_inside(secret))}) {
    forms.push_back(json_inside(json));
    forms.push_back(replace_all(json, "/", "\\/"));
    forms.push_back(std::move(json));
  }
  forms.push_back(json_ascii(json_inside(json_inside(secret))));
  forms.push_back(to_hex(secret));
  forms.push_back(to_hex(secret, true));
  std::sort(forms.begin(), forms.end());
  const auto rest = std::unique(forms.begin(), forms.end());
  std::for_each(rest, forms.end(), wipe);
  forms.erase(rest, forms.end());
  std::erase_if(forms, [](const std::string& form) { return form.size() < kShortest; });
  // The longest first: a short form may be part of a long one.
  std::stable_sort(forms.begin(), forms.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  return forms;
}

// A short word of letters, as it may stand in any text.
bool is_word(std::string_view text) {
  return text.size() < kLongestWord && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
         });
}

bool is_key_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Masks the secret part of whatever looks like one of our API keys, whether or not it is one.
std::string mask_keys(std::string text) {
  std::size_t at = 0;
  while ((at = text.find("sw_", at)) != std::string::npos) {
    std::size_t dot = at + 3;
    while (dot < text.size() && is_key_digit(text[dot])) ++dot;
    std::size_t end = dot + 1;
    while (end < text.size() && is_key_digit(text[end])) ++end;
    if (dot > at + 3 && dot < text.size() && text[dot] == '.' && end > dot + 16)
      text.replace(dot + 1, end - dot - 1, kMask);
    at = std::min(std::max(dot, at + 3), text.size());
  }
  return text;
}

std::string owner_key(std::string_view owner, std::uint32_t version) {
  return std::string(owner) + "/" + std::to_string(version);
}

constexpr std::string_view kOfPassing = "/passing";

std::string passing_key(std::string_view owner, std::uint32_t version) {
  return owner_key(owner, version).append(kOfPassing);
}

}  // namespace

ValueForms::ValueForms(std::string_view username, std::string_view secret) {
  if (secret.size() < kShortest) return;
  std::vector<std::string> texts = forms_of(username, secret);
  std::size_t total = 0;
  for (const std::string& text : texts) total += text.size();
  bytes_ = Secret::of_size(total);
  char* out = bytes_.writable();
  for (std::string& text : texts) {
    forms_.emplace_back(out, text.size());
    out = std::copy(text.begin(), text.end(), out);
    wipe(text);
  }
}

std::string ValueForms::mask(std::string text) const {
  for (const std::string_view form : forms_) {
    std::size_t found = text.find(form);
    if (found == std::string::npos) continue;
    std::string masked;
    std::size_t kept = 0;
    for (; found != std::string::npos; found = text.find(form, kept)) {
      masked.append(text, kept, found - kept);
      masked += kMask;
      kept = found + form.size();
    }
    masked.append(text, kept);
    text = std::move(masked);
  }
  return text;
}

Redactor::Redactor() : buckets_(kBuckets) {}
Redactor::~Redactor() = default;

void Redactor::enter(Known& known, std::unique_ptr<const ValueForms> forms, Reach reach) {
  if (reach != Reach::nowhere) {
    for (const std::string_view form : forms->all()) {
      const std::size_t number = bucket_of(form.data(), kBuckets);
      filled_[number] = true;
      std::vector<std::string_view>& bucket = buckets_[number];
      const auto place = std::find_if(bucket.begin(), bucket.end(), [&](std::string_view other) {
        return other.size() < form.size();
      });
      bucket.insert(place, form);
      if (reach == Reach::masked) masked_only_.insert(form.data());
      if (reach == Reach::masked_and_refused) longest_ = std::max(longest_, form.size());
    }
  }
  known.push_back(std::move(forms));
}

void Redactor::leave(const ValueForms& forms) {
  for (const std::string_view form : forms.all()) {
    const std::size_t number = bucket_of(form.data(), kBuckets);
    std::erase_if(buckets_[number],
                  [&](std::string_view other) { return other.data() == form.data(); });
    filled_[number] = !buckets_[number].empty();
    masked_only_.erase(form.data());
  }
}

void Redactor::add(std::string_view owner, std::uint32_t version, std::string_view username,
                   std::string_view secret) {
  if (secret.size() < kShortest) return;
  auto forms = std::make_unique<const ValueForms>(username, secret);
  const std::unique_lock lock(mutex_);
  enter(by_owner_[owner_key(owner, version)], std::move(forms),
        secret.size() < kShortestEverywhere ? Reach::nowhere
        : is_word(secret)                   ? Reach::masked
                                            : Reach::masked_and_refused);
}

void Redactor::add_passing(std::string_view owner, std::uint32_t version, std::string_view secret) {
  if (secret.size() < kShortest) return;
  auto forms = std::make_unique<const ValueForms>("", secret);
  const std::unique_lock lock(mutex_);
  Known& known = by_owner_[passing_key(owner, version)];
  if (known.size() == kPassing) {
    leave(*known.front());
    known.erase(known.begin());
  }
  enter(known, std::move(forms), secret.size() < kShortestIssued ? Reach::nowhere : Reach::masked);
}

void Redactor::remove(std::string_view owner, std::uint32_t version) {
  const std::unique_lock lock(mutex_);
  for (const std::string& key : {owner_key(owner, version), passing_key(owner, version)}) {
    const auto found = by_owner_.find(key);
    if (found == by_owner_.end()) continue;
    for (const auto& forms : found->second) leave(*forms);
    by_owner_.erase(found);
  }
}

// The longest needle that stands at `at`.
std::string_view Redactor::match(std::string_view text, std::size_t at) const {
  const std::size_t bucket = bucket_of(text.data() + at, kBuckets);
  if (!filled_[bucket]) return {};
  for (const std::string_view needle : buckets_[bucket]) {
    if (text.substr(at, needle.size()) == needle) return needle;
  }
  return {};
}

std::string Redactor::mask(std::string text) const {
  std::string masked;
  std::size_t kept = 0;  // what is before it is in `masked` already
  {
    const std::shared_lock lock(mutex_);
    if (!by_owner_.empty()) {
      for (std::size_t at = 0; at + kShortest <= text.size();) {
        const std::size_t length = match(text, at).size();
        if (length == 0) {
          ++at;
          continue;
        }
        masked.append(text, kept, at - kept);
        masked += kMask;
        at += length;
        kept = at;
      }
    }
  }
  if (kept != 0) {
    masked.append(text, kept);
    text = std::move(masked);
  }
  return mask_keys(std::move(text));
}

bool Redactor::knows_part_of(std::string_view text) const {
  if (text.find("sw_") != std::string_view::npos && mask_keys(std::string(text)) != text)
    return true;
  const std::shared_lock lock(mutex_);
  if (by_owner_.empty()) return false;
  for (std::size_t at = 0; at + kShortest <= text.size(); ++at) {
    const std::string_view needle = match(text, at);
    if (!needle.empty() && masked_only_.count(needle.data()) == 0) return true;
  }
  return false;
}

std::size_t Redactor::longest() const {
  const std::shared_lock lock(mutex_);
  return longest_;
}

std::string Redactor::mask_for(std::string_view owner, std::uint32_t version,
                               std::string text) const {
  std::string key = owner_key(owner, version);
  const auto mask_what_it_names = [&] {
    const auto found = by_owner_.find(key);
    if (found == by_owner_.end()) return;
    for (const auto& forms : found->second) text = forms->mask(std::move(text));
  };
  const std::shared_lock lock(mutex_);
  mask_what_it_names();
  key.append(kOfPassing);
  mask_what_it_names();
  return text;
}

}  // namespace stepwell::auth
