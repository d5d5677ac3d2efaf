#pragma once

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "config/path.h"
#include "config/place.h"

namespace diffeo {

// Everything wrong with a configuration, collected so that it is told at once.
class Findings {
 public:
  // `file` names the text in messages.
  explicit Findings(std::string file) : file_(std::move(file)) {}

  const std::string& file() const { return file_; }
  size_t size() const { return all_.size(); }

  // A mistake met again through another alias of the same text is told once.
  void add(const Place& place, const Path& path, const std::string& what);

  // Throws one Error (Exit::kUsage) with a line for each finding, the file's in the order of their
  // places, then the command line's. Does nothing where there is none.
  void refuse() const;

  // Adds, and throws them all: nothing can be read past this one.
  [[noreturn]] void stop(const Place& place, const Path& path, const std::string& what);

 private:
  struct Finding {
    Place place;
    Path path;
    std::string what;
  };

  [[noreturn]] void throw_all() const;

  std::string file_;
  std::vector<Finding> all_;
  std::set<std::tuple<int, int, std::string>> told_;  // of the file: line, column and what
};

// User text made fit for one line of a message: control characters escaped, long ones cut.
std::string excerpt(const std::string& text);

// "did you mean 'steps'?" where a choice is near, else "expected one of: a, b, c".
std::string advice(const std::string& found, const std::vector<std::string>& choices);

// The choice that at most so many letters put in, left out or replaced have turned into `found`, or
// nothing.
std::string nearest(const std::string& found, const std::vector<std::string>& choices,
                    size_t most_edits);

// As many as a typing mistake in the word may make.
size_t likely_edits(const std::string& word);

}  // namespace diffeo
