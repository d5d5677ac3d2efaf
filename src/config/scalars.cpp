#include "config/scalars.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/utf8.h"

namespace diffeo {
namespace {

std::string mismatch(const std::string& wanted, const YamlNode& node) {
  return joined("expected ", wanted, ", found ", described(node));
}

bool is_plain(const YamlNode& node) {
  return node.kind == YamlNode::Kind::kScalar && !node.is_text;
}

// [sign] digits [. digits] [e exponent]
bool looks_like_number(const std::string& text) {
  size_t at = 0;
  auto digits = [&] {
    size_t start = at;
    while (at < text.size() && '0' <= text[at] && text[at] <= '9') ++at;
    return at - start;
  };
  auto skip = [&](const char* any) {
    return at < text.size() && std::strchr(any, text[at]) != nullptr && ++at;
  };
  skip("+-");
  size_t count = digits();
  if (skip(".")) count += digits();
  if (count == 0) return false;
  if (skip("eE")) {
    skip("+-");
    if (digits() == 0) return false;
  }
  return at == text.size();
}

bool has_leading_zero(const std::string& text) {
  size_t first = text.find_first_not_of("+-");
  return first + 1 < text.size() && text[first] == '0' && '0' <= text[first + 1] &&
         text[first + 1] <= '9';
}

bool is_non_finite(const std::string& text) {
  std::string word = lower_case(text.substr(std::min(text.find_first_not_of("+-."), text.size())));
  return word == "inf" || word == "infinity" || word == "nan";
}

template <class T>
bool parsed(const std::string& text, T& value) {
  const char* first = text.data() + (text[0] == '+');
  auto [end, error] = std::from_chars(first, text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// What is wrong with a number's text, whatever it should be, or nothing.
std::string problem_of_number(const std::string& wanted, const YamlNode& node) {
  if (is_plain(node) && is_non_finite(node.text))
    return mismatch(wanted, node) + ", which is not finite";
  if (!is_plain(node) || !looks_like_number(node.text)) return mismatch(wanted, node);
  if (has_leading_zero(node.text)) {
    return mismatch(wanted, node) + ", whose leading zero may mean octal; leave it out";
  }
  return {};
}

}  // namespace

std::string number_wanted(bool whole, Range range) {
  const char* wanted = whole ? "a whole number" : "a number";
  bool low = std::isfinite(range.low), high = std::isfinite(range.high);
  std::string least = low ? number_text(range.low) : "", most = high ? number_text(range.high) : "";
  const char* after = range.low_open ? " above " : " of at least ";
  const char* up_to = range.high_open ? " below " : " of at most ";
  const char* to = range.high_open ? " to below " : " to ";
  if (low && high)
    return range.low_open ? joined(wanted, after, least, " and", up_to, most)
                          : joined(wanted, " from ", least, to, most);
  return joined(wanted, low ? after : "", least, high ? up_to : "", most);
}

std::string number_text(double value) {
  std::array<char, 32> buffer;
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  size_t exponent = text.find('e');
  bool has_point = text.find('.') != std::string::npos;
  if (exponent != std::string::npos && !has_point) text.insert(exponent, ".0");
  return text;
}

std::string read_scalar(const YamlNode& node, Range, bool& value) {
  if (!is_plain(node) || (node.text != "true" && node.text != "false"))
    return mismatch("true or false", node);
  value = node.text == "true";
  return {};
}

std::string read_scalar(const YamlNode& node, Range range, int64_t& value) {
  std::string wanted = number_wanted(true, range);
  if (std::string problem = problem_of_number(wanted, node); !problem.empty()) return problem;
  int64_t whole = 0;
  if (!parsed(node.text, whole)) {
    double real = 0;
    bool exact =
        parsed(node.text, real) && std::trunc(real) == real && std::abs(real) <= 9007199254740992.0;
    if (!exact) return mismatch(wanted, node);
    whole = static_cast<int64_t>(real);
  }
  if (!range.contains(static_cast<double>(whole))) return mismatch(wanted, node);
  value = whole;
  return {};
}

std::string read_scalar(const YamlNode& node, Range range, double& value) {
  std::string wanted = number_wanted(false, range);
  if (std::string problem = problem_of_number(wanted, node); !problem.empty()) return problem;
  double real = 0;
  if (!parsed(node.text, real))
    return mismatch(wanted, node) + ", which double precision does not hold";
  if (!range.contains(real)) return mismatch(wanted, node);
  value = real;
  return {};
}

std::string read_scalar(const YamlNode& node, Range, std::string& value) {
  if (node.kind != YamlNode::Kind::kScalar) return mismatch("a text", node);
  value = node.text;
  return {};
}

bool reads_as_text(const std::string& text) {
  auto all_of = [&](const char* punctuation) {
    return std::all_of(text.begin(), text.end(), [&](unsigned char c) {
      return std::isalnum(c) || std::strchr(punctuation, c);
    });
  };
  if (text.empty() || !all_of("_/.-") || text[0] == '-' || text[0] == '.') return false;
  if (std::isdigit(static_cast<unsigned char>(text[0]))) {
    return text.find_first_of("ghijklmnpqrstuvwyzGHIJKLMNPQRSTUVWYZ") !=
           std::string::npos;  // not 0x1f, 1e5, 0o17, 1_0
  }
  static const std::array<std::string, 12> others{
      "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity"};
  return std::find(others.begin(), others.end(), lower_case(text)) == others.end();
}

}  // namespace diffeo
