#include "io/npy_header.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "core/listed.h"
#include "io/files.h"

namespace diffeo {
namespace {

class NpyParser {
 public:
  NpyParser(const Input& in, std::string_view text) : in_(in), text_(text) {}

  NpyHeader dictionary() {
    NpyHeader header;
    std::set<std::string> seen;
    expect('{');
    while (!accept('}')) {
      std::string key = quoted();
      in_.require(seen.insert(key).second, "header: the key '", key, "' stands twice");
      expect(':');
      value_of(key, header);
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    in_.require(seen.size() == 3,
                "header: expected the keys descr, fortran_order and shape, found only ",
                seen.size(), " of them");
    skip_spaces();
    if (at_ != text_.size()) complain("its end");
    return header;
  }

 private:
  void value_of(const std::string& key, NpyHeader& header) {
    if (key == "descr") {
      in_.require(!peek('['), "header: a structured dtype, expected one number an element");
      header.descr = quoted();
    } else if (key == "fortran_order") {
      header.fortran_order = boolean();
    } else if (key == "shape") {
      header.shape = tuple();
    } else {
      in_.fail("header: unknown key '", key, "', expected descr, fortran_order and shape");
    }
  }

  std::string quoted() {
    char mark = accept('\'') ? '\'' : '"';
    if (mark == '"') expect('"');
    size_t end = text_.find(mark, at_);
    if (end == std::string_view::npos) complain("a string that ends");
    std::string content(text_.substr(at_, end - at_));
    at_ = end + 1;
    return content;
  }

  bool boolean() {
    if (accept("True")) return true;
    if (!accept("False")) complain("True or False");
    return false;
  }

  Shape tuple() {
    Shape shape;
    expect('(');
    while (!accept(')')) {
      shape.push_back(number());
      if (accept(',')) continue;
      expect(')');
      break;
    }
    return shape;
  }

  int64_t number() {
    skip_spaces();
    int64_t value = 0;
    auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0) complain("a size from 0 to 2^63 - 1");
    at_ = static_cast<size_t>(end - text_.data());
    accept('L');  // as Python 2 wrote it
    return value;
  }

  void skip_spaces() { at_ = std::min(text_.find_first_not_of(" \n", at_), text_.size()); }
  bool peek(char wanted) {
    skip_spaces();
    return at_ < text_.size() && text_[at_] == wanted;
  }
  bool accept(char wanted) {
    if (!peek(wanted)) return false;
    ++at_;
    return true;
  }
  bool accept(std::string_view word) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) complain(std::string{'\'', wanted, '\''});
  }
  [[noreturn]] void complain(const std::string& expected) const {
    in_.fail("header: expected ", expected, " at character ", at_ + 1);
  }

  const Input& in_;
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(const Input& in, std::string_view text) {
  return NpyParser(in, text).dictionary();
}

std::string npy_header_text(const NpyHeader& header) {
  std::string shape = listed(header.shape);
  if (header.shape.size() == 1) shape += ",";
  return "{'descr': '" + header.descr +
         "', 'fortran_order': " + (header.fortran_order ? "True" : "False") + ", 'shape': (" +
         shape + "), }";
}

}  // namespace diffeo
