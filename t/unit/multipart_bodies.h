// Bodies of multipart/form-data for tests, and what the reader makes of them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/request/multipart_reader.h"

namespace gateway {

inline constexpr std::string_view kPngBytes("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01", 20);
inline constexpr std::string_view kJpegBytes("\xff\xd8\xff\xe0\0\x10JFIF\0\x01", 12);

// A part with these lines in its head, and its data.
inline std::string part_of(std::string_view boundary, std::string_view head,
                           std::string_view data) {
    std::string text;
    text.append("--").append(boundary).append("\r\n").append(head).append("\r\n\r\n");
    return text.append(data).append("\r\n");
}

inline std::string text_part(std::string_view boundary, std::string_view name,
                             std::string_view value) {
    return part_of(boundary, "Content-Disposition: form-data; name=\"" + std::string(name) + "\"",
                   value);
}

inline std::string file_part(std::string_view boundary, std::string_view name,
                             std::string_view file_name, std::string_view type,
                             std::string_view data) {
    return part_of(boundary,
                   "Content-Disposition: form-data; name=\"" + std::string(name) +
                       "\"; filename=\"" + std::string(file_name) +
                       "\"\r\nContent-Type: " + std::string(type),
                   data);
}

inline std::string closing(std::string_view boundary) {
    return "--" + std::string(boundary) + "--\r\n";
}

// Writes down all calls, and checks that the pieces are those of the body.
class RecordingListener final : public PartListener {
 public:
    explicit RecordingListener(std::string_view body) : body_(body) {}

    std::optional<Problem> on_part(const PartHead &head) override {
        EXPECT_FALSE(is_open_);
        is_open_ = true;
        next_ = head.offset;
        log += "part " + head.name + "|" + head.file_name.value_or("-") + "|" + head.content_type +
               "|" + std::to_string(head.offset) + ": ";
        ++parts;
        return std::nullopt;
    }
    std::optional<Problem> on_data(std::string_view piece, uint64_t offset) override {
        EXPECT_TRUE(is_open_);
        EXPECT_FALSE(piece.empty());
        EXPECT_EQ(offset, next_);
        EXPECT_EQ(body_.substr(offset, piece.size()), piece);
        next_ = offset + piece.size();
        log += piece;
        return std::nullopt;
    }
    std::optional<Problem> on_part_end() override {
        EXPECT_TRUE(is_open_);
        is_open_ = false;
        log += "\n";
        return std::nullopt;
    }

    std::string log;
    size_t parts = 0;

 private:
    std::string_view body_;
    uint64_t next_ = 0;
    bool is_open_ = false;
};

// Feeds the body cut at these places, which are sorted. Returns false after a problem.
inline bool feed_cut(MultipartReader &reader, std::string_view body,
                     const std::vector<size_t> &cuts) {
    size_t at = 0;
    for (const size_t cut : cuts) {
        if (!reader.feed(body.substr(at, cut - at))) {
            return false;
        }
        at = cut;
    }
    return reader.feed(body.substr(at)) && reader.finish();
}

inline std::vector<size_t> cuts_every(size_t step, size_t size) {
    std::vector<size_t> cuts;
    for (size_t at = step; at < size; at += step) {
        cuts.push_back(at);
    }
    return cuts;
}

inline std::vector<size_t> random_cuts(std::mt19937 &random, size_t size) {
    std::vector<size_t> cuts(random() % 8);
    for (size_t &cut : cuts) {
        cut = random() % (size + 1);
    }
    std::sort(cuts.begin(), cuts.end());
    return cuts;
}

// All that the reader says about a body, as one text.
inline std::string read_cut(std::string_view body, std::string_view boundary,
                            const std::vector<size_t> &cuts, const MultipartLimits &limits = {}) {
    RecordingListener listener(body);
    MultipartReader reader(boundary, listener, limits);
    if (!feed_cut(reader, body, cuts)) {
        const Problem &problem = reader.problem();
        listener.log += "problem " + problem.param + "|" + problem.code + "|" + problem.message;
    }
    return listener.log;
}

// Read whole, byte by byte, and in pieces of other sizes: all must be equal.
inline std::string read_parts(std::string_view body, std::string_view boundary,
                              const MultipartLimits &limits = {}) {
    std::string whole = read_cut(body, boundary, {}, limits);
    for (const size_t step : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{64}}) {
        EXPECT_EQ(read_cut(body, boundary, cuts_every(step, body.size()), limits), whole);
    }
    return whole;
}

}  // namespace gateway
