// One HTTP request to a provider, and its response.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/call_body.h"
#include "core/json/lifter.h"

namespace gateway {

class RequestMemory;

struct HttpTimeouts {
    std::chrono::milliseconds connect{5'000};
    std::chrono::milliseconds first_byte{300'000};
    std::chrono::milliseconds stall{60'000};  // without a byte, after the response has begun
    std::chrono::milliseconds total{590'000};
    // The longest that an idle connection is kept for reuse. Many servers close theirs after 5 s.
    std::chrono::milliseconds keepalive{4'000};
};

enum class HttpMethod : uint8_t { get, post, put, remove };  // remove: DELETE

// Bytes of requests and responses, with their heads, as far as they got.
struct Traffic {
    uint64_t sent = 0;
    uint64_t received = 0;
};

struct HttpCall {
    HttpMethod method = HttpMethod::post;
    std::string url;
    std::vector<std::string> headers;  // "Name: value"
    CallBody body;                     // not sent by GET and DELETE
    bool is_native = false;            // by HTTP of our own where that can, not by libcurl's
    bool takes_image = false;          // a 200 that is not JSON is the image itself
    std::optional<int64_t> seed;       // that is sent, if the response may not repeat it
    HttpTimeouts timeouts;
    size_t answer_max = 0;
    std::shared_ptr<RequestMemory> memory;  // counts what the response holds; may be null
    Traffic *traffic = nullptr;  // counts its bytes, up to the end of the call; may be null
    std::string proxy;           // empty: none, also if the environment names one
    std::string ca_file;         // empty: the system's

    [[nodiscard]] bool sends_body() const {
        return method == HttpMethod::post || method == HttpMethod::put;
    }
    // Does nothing without a value.
    void add_header(std::string_view name, std::string_view value);
};

// How far a transfer got. This decides whether the request may have been billed.
enum class TransferEnd : uint8_t {
    answered,       // the whole response has come
    not_sent,       // the request was not sent whole: nothing was made
    lost,           // sent whole, then the connection broke or the response was invalid
    timed_out,      // sent whole, but the response was not complete in time
    too_large,      // the response exceeds answer_max
    no_connection,  // not sent, because this worker has no free connection
    not_read,       // not sent, because a part of the request could not be read
};

struct HttpResponse {
    TransferEnd end = TransferEnd::not_sent;
    int status = 0;
    std::string headers;  // the last header block, one header a line
    LiftedText body;
    Bytes image;            // in base64; then there is no body
    bool streamed = false;  // it was a stream of events; then neither
    bool delayed = false;   // we held it up: our client did not read, or memory was short
    std::string problem;    // what went wrong, for the log

    // The trimmed value of the first header of this name; empty if there is none.
    [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;
};

}  // namespace gateway
