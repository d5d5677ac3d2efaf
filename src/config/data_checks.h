#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "data/data.h"

namespace diffeo {

// What can be said of data once they are read: whether they are what the configuration takes them
// for, and whether a likelihood of them means anything.

// The data of a configuration. Throws Exit::kData where a split's pixels go beyond the bits of the
// flow's dequantizer (require_levels()), where the dequantizer makes all of the training's pixels
// one, so that there is nothing to learn, or where a training example lies outside what a logit
// maps that the flow begins with, fixed scales before it aside.
Data fitting_data(const Config& config);

// How many values a pixel may take in the eyes of the flow's dequantizer; without one, in the
// data's.
int64_t expected_levels(const Config& config);

// Throws Exit::kData where the examples hold values beyond the bits that the flow's dequantizer
// takes them to have.
void require_levels(const Config& config, const Dataset& examples, const std::string& split);

// Where the dequantizer drops bits of the pixels (bits below data_bits) and no value has the
// highest of them: then the values were stored with fewer bits than data_bits says, more of them
// fall together than `bits` means, and bits/dim comes out too low. Empty where all is well. Images
// that are only dark, or have few colours, pass as long as one pixel is in the upper half. A
// dequantizer that keeps every bit is never in doubt: its bits/dim are right however few values
// there are.
std::string levels_doubt(const Config& config, const Dataset& examples, const std::string& split);

// What a user should be told of the training's examples before they are learned from, a sentence
// each: the data's notes, levels_doubt(), column_doubts() of vectors, classes without an example.
std::vector<std::string> data_doubts(const Config& config, const Data& data);

}  // namespace diffeo
