#include "commands/score_files.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/listed.h"
#include "io/csv_writer.h"
#include "io/durable.h"
#include "io/npy.h"

namespace diffeo {
namespace {

namespace fs = std::filesystem;

// Rows of text, with the index of each example.
class TextScores : public ScoreFile {
 public:
  explicit TextScores(const fs::path& path) : file_(path) {}

  void add(const Tensor& rows) final {
    std::string text;
    for (int64_t i = 0; i < rows.size(0); ++i)
      append_row(text, index_++, rows.const_data_ptr<double>() + i * rows.size(1));
    file_.write(text);
  }
  void commit() final { file_.commit(); }

 protected:
  void write(const std::string& text) { file_.write(text); }

 private:
  virtual void append_row(std::string& text, int64_t index, const double* row) const = 0;

  DurableFile file_;
  int64_t index_ = 0;
};

class CsvScores final : public TextScores {
 public:
  CsvScores(const fs::path& path, const std::vector<std::string>& columns)
      : TextScores(path), columns_(columns.size()) {
    write("index," + listed(columns, ",") + "\n");
  }

 private:
  void append_row(std::string& text, int64_t index, const double* row) const override {
    text += std::to_string(index);
    for (size_t i = 0; i < columns_; ++i) {
      text += ',';
      append_number(text, row[i]);
    }
    text += '\n';
  }

  size_t columns_;
};

class JsonScores final : public TextScores {
 public:
  JsonScores(const fs::path& path, const std::vector<std::string>& columns)
      : TextScores(path), columns_(columns) {}

 private:
  void append_row(std::string& text, int64_t index, const double* row) const override {
    text += "{\"index\": " + std::to_string(index);
    for (size_t i = 0; i < columns_.size(); ++i) {
      text += ", \"" + columns_[i] + "\": ";
      if (std::isfinite(row[i])) append_number(text, row[i]);
      else text += "null";
    }
    text += "}\n";
  }

  std::vector<std::string> columns_;
};

class NpyScores final : public ScoreFile {
 public:
  NpyScores(const fs::path& path, int64_t count) : file_(path, outlined({count}, at::kDouble)) {}

  void add(const Tensor& rows) override { file_.append(rows.select(1, 0)); }
  void commit() override { file_.commit(); }

 private:
  NpyWriter file_;
};

}  // namespace

std::unique_ptr<ScoreFile> open_score_file(const fs::path& path,
                                           const std::vector<std::string>& columns, int64_t count) {
  if (path.extension() == ".csv") return std::make_unique<CsvScores>(path, columns);
  if (path.extension() == ".jsonl") return std::make_unique<JsonScores>(path, columns);
  return std::make_unique<NpyScores>(path, count);
}

}  // namespace diffeo
