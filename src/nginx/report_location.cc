// Locations of image_gateway_metrics and image_gateway_status: who may read them, and the reply,
// which is written in turns of the event loop.
#include <netinet/in.h>

#include <memory>
#include <new>
#include <utility>

#include "core/metrics/exposition.h"
#include "core/metrics/status.h"
#include "core/response/answer.h"
#include "nginx/guard.h"
#include "nginx/handlers.h"
#include "nginx/read_head.h"
#include "nginx/request_context.h"
#include "nginx/send.h"
#include "nginx/worker.h"

namespace gateway {

namespace {

constexpr int kForbidden = 403;
constexpr int kUnavailable = 503;
constexpr Milliseconds kSoon{1};

// ---- who may read it

bool is_loopback(const sockaddr *address) {
    constexpr uint32_t kNetwork = 127;
    constexpr unsigned kHostBits = 24;
    if (address->sa_family == AF_INET) {
        const auto *v4 = reinterpret_cast<const sockaddr_in *>(address);
        return ntohl(v4->sin_addr.s_addr) >> kHostBits == kNetwork;
    }
    if (address->sa_family == AF_INET6) {
        constexpr size_t kMapped = 12;
        const in6_addr &v6 = reinterpret_cast<const sockaddr_in6 *>(address)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(&v6) ||
               (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[kMapped] == kNetwork);
    }
    return false;  // a unix socket usually has a proxy in front of it
}

// An administrator's token, by the location's image_gateway_jwt.
bool is_administrator(ngx_http_request_t *r, const LocationConf &location) {
    const RequestHead head = read_head(r, false);
    if (head.credentials.empty() || location.policy.tokens == nullptr) {
        return false;
    }
    const std::shared_ptr<const KeyRing> no_keys;
    const auto caller =
        identify(head, AuthMode::required, {no_keys, location.policy.tokens.get()}, ngx_time());
    return caller && caller->admin;
}

bool may_read(ngx_http_request_t *r, const LocationConf &location) {
    return location.report.is_open || is_loopback(r->connection->sockaddr) ||
           is_administrator(r, location);
}

// ---- what is shown

std::vector<std::string> reasons_not_ready(const Worker &worker, const MainConf &main) {
    std::vector<std::string> reasons;
    const auto add_if = [&](bool applies, const char *reason) {
        if (applies && (reasons.empty() || reasons.back() != reason)) {
            reasons.emplace_back(reason);
        }
    };
    add_if(ngx_exiting != 0, "shutting_down");
    add_if(worker.usage != nullptr && !worker.usage->knows_past(), "state_not_restored");
    add_if(worker.usage != nullptr && !worker.usage->is_open(), "state_not_writable");
    add_if(!main.models.has_catalogue(), "catalogue_unavailable");
    for (const auto &[path, file] : main.key_files) {
        add_if(file.ring == nullptr || !file.ring->is_known(), "keys_unavailable");
    }
    for (const auto &[path, file] : main.jwks_files) {
        add_if(file.source->keys == nullptr, "jwks_unavailable");
    }
    for (const auto &[address, source] : main.jwks_addresses) {
        add_if(source->keys == nullptr, "jwks_unavailable");
    }
    for (size_t i = 0; i < main.stores.size(); ++i) {
        add_if(worker.counters->store(i).unwritable != 0, "store_not_writable");
    }
    return reasons;
}

ReportSources sources_for(Worker &worker, const MainConf &main) {
    std::vector<KeysShown> keys;
    for (const auto &[path, file] : main.key_files) {
        keys.push_back({file.ring, file.users.empty() ? Limits() : file.users.front()->limits.key});
    }
    return {*worker.counters,
            main.models,
            worker.health,
            worker.ledger,
            worker.clock,
            is_process_alive,
            std::move(keys),
            main.stores.size(),
            worker.usage != nullptr,
            NGINX_VERSION,
            reasons_not_ready(worker, main)};
}

// ---- the reply

struct ReportReply {
    int status = NGX_HTTP_OK;
    std::string_view content_type = "application/json";
    Bytes body;
};

ngx_int_t send_report(ngx_http_request_t *r, const ReportReply &reply) {
    r->headers_out.status = static_cast<ngx_uint_t>(reply.status);
    r->headers_out.content_type = to_ngx(reply.content_type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = nullptr;
    r->headers_out.content_length_n = static_cast<off_t>(reply.body.size());
    if (!add_header(r, "Cache-Control", "no-store")) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    const ngx_int_t sent = ngx_http_send_header(r);
    if (sent == NGX_ERROR || sent > NGX_OK || r->header_only != 0) {
        return sent;
    }
    ngx_chain_t *body = make_chain(r, reply.body);
    return body == nullptr ? NGX_ERROR : ngx_http_output_filter(r, body);
}

// Lives in the request's pool, with the bytes that are sent.
class ReportRequest final : public CallbackOwner {
 public:
    explicit ReportRequest(ngx_http_request_t *request)
        : request_(request),
          loop_(*this),
          alarm_(loop_.make_alarm([this] { go_on(); }, TimerKind::holds_exit)) {}

    ngx_int_t refuse(const ApiError &error) {
        reply_.status = error.status;
        reply_.body = Bytes::own(write_error(error, {}));
        return send_report(request_, reply_);
    }

    // The first turn. NGX_DONE if there are more.
    ngx_int_t begin(std::unique_ptr<Report> report, int status, std::string_view content_type) {
        report_ = std::move(report);
        reply_.status = status;
        reply_.content_type = content_type;
        if (!report_->write_some(reply_.body)) {
            return send_report(request_, reply_);
        }
        ++request_->main->count;
        alarm_->set(Milliseconds(0));
        return NGX_DONE;
    }

    void end_by_exception(const char *what) noexcept override {
        ngx_log_error(NGX_LOG_CRIT, request_->connection->log, 0,
                      "image gateway: an exception ended the request: %s", what);
        finish(NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

 private:
    void go_on() {
        if (report_->write_some(reply_.body)) {
            alarm_->set(Milliseconds(0));
        } else {
            // The end destroys this, which an alarm's action must not do.
            end_timer_ =
                loop_.start_timer(kSoon, [this] { finish(send_report(request_, reply_)); });
        }
    }
    // This object may be gone afterwards.
    void finish(ngx_int_t result) noexcept {
        ngx_connection_t *connection = request_->connection;
        ngx_http_finalize_request(request_, result);
        ngx_http_run_posted_requests(connection);
    }

    ngx_http_request_t *request_;
    NgxEventLoop loop_;
    std::unique_ptr<Alarm> alarm_;
    std::unique_ptr<Timer> end_timer_;
    std::unique_ptr<Report> report_;
    ReportReply reply_;
};

extern "C" void image_gateway_destroy_report(void *data) {
    static_cast<ReportRequest *>(data)->~ReportRequest();
}

ReportRequest *make_report(ngx_http_request_t *r) {
    static_assert(alignof(ReportRequest) <= NGX_ALIGNMENT);
    ngx_pool_cleanup_t *memory = ngx_pool_cleanup_add(r->pool, sizeof(ReportRequest));
    if (memory == nullptr) {
        return nullptr;
    }
    auto *report = new (memory->data) ReportRequest(r);
    memory->handler = image_gateway_destroy_report;
    return report;
}

std::string_view accept_of(ngx_http_request_t *r) {
    constexpr std::string_view kName = "accept";
    const ngx_list_part_t *part = &r->headers_in.headers.part;
    for (; part != nullptr; part = part->next) {
        const auto *headers = static_cast<const ngx_table_elt_t *>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            if (std::string_view(reinterpret_cast<const char *>(headers[i].lowcase_key),
                                 headers[i].key.len) == kName) {
                return to_view(headers[i].value);
            }
        }
    }
    return {};
}

ngx_int_t handle_report(ngx_http_request_t *r) {
    if (r != r->main) {
        return NGX_HTTP_FORBIDDEN;  // the access phase does not run for subrequests
    }
    const ngx_int_t discarded = ngx_http_discard_request_body(r);
    if (discarded != NGX_OK) {
        return discarded;
    }
    const LocationConf &location = location_conf(r);
    Worker *own = worker();
    ReportRequest *report = make_report(r);
    if (report == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (own == nullptr || !own->recorder) {
        return report->refuse(ApiError::of(kUnavailable));
    }
    if (!may_read(r, location)) {
        return report->refuse(ApiError::of(
            kForbidden, "local_only",
            "This is shown to clients on the gateway's own machine, and to administrators."));
    }
    if (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD) {
        return add_header(r, "Allow", "GET, HEAD")
                   ? report->refuse(ApiError::of(NGX_HTTP_NOT_ALLOWED))
                   : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    own->show_gauges();
    ReportSources sources = sources_for(*own, main_conf(r));
    if (location.report.kind == ReportConf::Kind::status) {
        auto status = std::make_unique<Status>(std::move(sources));
        const int code = status->is_ready() ? static_cast<int>(NGX_HTTP_OK) : kUnavailable;
        return report->begin(std::move(status), code, "application/json");
    }
    const ExpositionForm form{wants_open_metrics(accept_of(r)), location.report.keys,
                              location.report.gen_ai};
    return report->begin(std::make_unique<Exposition>(std::move(sources), form), NGX_HTTP_OK,
                         content_type_of(form));
}

}  // namespace

ngx_int_t report_handler(ngx_http_request_t *r) noexcept {
    return guard_or<ngx_int_t>("report", NGX_HTTP_INTERNAL_SERVER_ERROR,
                               [=] { return handle_report(r); });
}

}  // namespace gateway
