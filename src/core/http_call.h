// One HTTP exchange with a provider: what to send, and what came of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/json/lifter.h"

namespace gateway {

class RequestMemory;

struct HttpTimeouts {
    std::chrono::milliseconds connect{5'000};
    std::chrono::milliseconds first_byte{300'000};
    std::chrono::milliseconds stall{60'000};  // without a byte, once the answer has begun
    std::chrono::milliseconds total{590'000};
    // A connection that was idle for so long is not used again. Many servers close after 5 s.
    std::chrono::milliseconds keepalive{4'000};
};

enum class HttpMethod : uint8_t { get, post, put };

struct HttpCall {
    HttpMethod method = HttpMethod::post;
    std::string url;
    std::vector<std::string> headers;  // "Name: value"
    Bytes body;                        // not sent by GET
    bool takes_picture = false;        // a 200 that is no JSON is a picture's own bytes
    std::optional<int64_t> seed;       // that is sent, where the answer may not repeat it
    HttpTimeouts timeouts;
    size_t answer_max = 0;
    std::shared_ptr<RequestMemory> memory;  // what the answer counts for; null: nothing
    std::string proxy;                      // empty: none, whatever the environment says
    std::string ca_file;                    // empty: the system's

    // None without a value.
    void add_header(std::string_view name, std::string_view value);
};

// How far the exchange got decides whether it may have been billed.
enum class TransferEnd : uint8_t {
    answered,       // a whole answer
    not_sent,       // the request did not leave whole: nothing can have been made
    lost,           // sent whole, then the connection or the answer broke
    timed_out,      // sent whole, no whole answer in time
    too_large,      // the answer exceeds answer_max
    no_connection,  // not sent, because this worker has no connection left
};

struct HttpResponse {
    TransferEnd end = TransferEnd::not_sent;
    int status = 0;
    std::string headers;  // the last header block, a line each
    LiftedText body;
    Bytes picture;          // in base64; then there is no body
    bool streamed = false;  // told by events; then neither
    bool delayed = false;   // for a time we took no more of it: our client did not read
    std::string problem;    // what went wrong, for the log

    // The value of the first header of this name (given in lower case), trimmed; empty if there is
    // none.
    [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;
};

}  // namespace gateway
