#include "core/openapi/document.h"

#include <string>

#include "core/api_error.h"
#include "core/json/writer.h"
#include "core/openapi/answer_schemas.h"
#include "core/openapi/field_schemas.h"
#include "core/request/endpoint.h"

namespace gateway {

namespace {

// Headers of requests for images.
struct HeaderRow {
    std::string_view name;
    std::string_view schema;
    std::string_view text;
    bool of_jobs = false;
};

constexpr HeaderRow kHeaders[] = {
    {"X-On-Behalf-Of", R"({"type":"string"})",
     "The end user behind the key, for limits and reports."},
    {"X-Image-Gateway-Fit", R"({"type":"string","enum":["adapt","strict"]})",
     "strict refuses a request that no model accepts unchanged."},
    {"X-Request-Timeout", R"({"type":"integer","minimum":1})",
     "The maximum time of the request, in seconds."},
    {"Idempotency-Key", R"({"type":"string","maxLength":255})",
     "A request with the same key and body is made once, and answered again."},
    {"X-Request-Id", R"({"type":"string"})", "An id for logs, which the reply repeats."},
    {"Prefer", R"({"type":"string"})",
     "respond-async makes the request a job, whose result is read later; with wait=N only if it "
     "takes "
     "longer than N seconds.",
     true},
};

// Whether a location without jobs lacks the endpoint.
bool is_about_jobs(const EndpointRow &row) {
    return row.is_async || row.what == EndpointRow::jobs || row.what == EndpointRow::job ||
           row.what == EndpointRow::async_job;
}

std::string schema_name(const EndpointRow &row, bool form) {
    switch (*row.operation) {
        case Operation::edit: return form ? "EditForm" : "EditRequest";
        case Operation::variation: return form ? "VariationForm" : "VariationRequest";
        default: return "GenerationRequest";
    }
}

std::string reference(std::string_view kind, std::string_view name) {
    return R"({"$ref":"#/components/)" + std::string(kind) + "/" + std::string(name) + R"("})";
}

void write_error_references(JsonWriter &out, const EndpointRow &row) {
    // Statuses that only endpoints have that make images.
    const auto concerns_making = [](int status) {
        return status == 402 || status == 408 || status == 409 || status == 411 || status == 413 ||
               status == 415 || status == 422 || status == 502 || status == 504 || status == 507;
    };
    for (const ErrorText &text : error_texts()) {
        const bool never = text.status == 499;  // nobody is there to read it
        if (!never && (row.what == EndpointRow::make || !concerns_making(text.status))) {
            const std::string status = std::to_string(text.status);
            out.key(status).json(reference("responses", "Error" + status));
        }
    }
}

void write_content(JsonWriter &out, std::string_view type, std::string_view schema) {
    out.key(type).open_object().key("schema").json(schema).close_object();
}

// A body in a path without a model names the model if the profile says so.
std::string body_schema(const Profile &profile, const EndpointRow &row, bool form,
                        bool model_in_path) {
    const Field *model = profile.field("model");
    std::string schema = reference("schemas", schema_name(row, form));
    if (model != nullptr && model->required && !model_in_path) {
        schema = R"({"allOf":[)" + schema + R"(,{"type":"object","required":["model"]}]})";
    }
    return schema;
}

void write_request(JsonWriter &out, const Profile &profile, const EndpointRow &row,
                   bool model_in_path) {
    out.key("requestBody").open_object().key("required").boolean(true).key("content").open_object();
    write_content(out, "application/json", body_schema(profile, row, false, model_in_path));
    if (row.takes_form) {
        write_content(out, "multipart/form-data", body_schema(profile, row, true, model_in_path));
    }
    out.close_object().close_object();
}

void write_reply(JsonWriter &out, std::string_view status, std::string_view text,
                 std::string_view schema) {
    out.key(status).open_object().key("description").string(text);
    if (!schema.empty()) {
        out.key("content").open_object();
        write_content(out, "application/json", reference("schemas", schema));
        out.close_object();
    }
    out.close_object();
}

void write_success(JsonWriter &out, const Profile &profile, const EndpointRow &row) {
    if (row.is_async || row.what == EndpointRow::async_job) {
        write_reply(out, "200", "The job has ended.", "BifrostJob");
        write_reply(out, "202", "The job is in progress.", "BifrostJob");
        return;
    }
    out.key("200").open_object().key("description").string("Success.");
    out.key("headers").open_object().key("x-request-id").json(reference("headers", "RequestId"));
    out.close_object().key("content").open_object();
    switch (row.what) {
        case EndpointRow::make:
            write_content(out, "application/json", reference("schemas", "Images"));
            if (profile.field("stream") != nullptr) {
                write_content(out, "text/event-stream", reference("schemas", "Event"));
            }
            break;
        case EndpointRow::models:
            write_content(out, "application/json", reference("schemas", "Models"));
            break;
        case EndpointRow::model:
            write_content(out, "application/json", reference("schemas", "Model"));
            break;
        case EndpointRow::jobs:
            write_content(out, "application/json", reference("schemas", "Jobs"));
            break;
        case EndpointRow::job:
            write_content(out, "application/json", reference("schemas", "Job"));
            break;
        case EndpointRow::file:
            write_content(out, "image/*",
                          R"({"type":"string","contentMediaType":"application/octet-stream"})");
            break;
        default: write_content(out, "application/json", R"({"type":"object"})");
    }
    out.close_object().close_object();
}

void write_path_parameter(JsonWriter &out, std::string_view name, std::string_view text) {
    out.open_object().key("name").string(name).key("in").string("path").key("required");
    out.boolean(true).key("description").string(text);
    out.key("schema").json(R"({"type":"string","minLength":1})").close_object();
}

void write_query_parameter(JsonWriter &out, std::string_view name, std::string_view text,
                           std::string_view schema) {
    out.open_object().key("name").string(name).key("in").string("query");
    out.key("description").string(text).key("schema").json(schema).close_object();
}

void write_parameters(JsonWriter &out, const EndpointRow &row, bool model_in_path, bool jobs) {
    out.key("parameters").open_array();
    if (model_in_path) {
        write_path_parameter(out, "deployment", "A model, instead of the one in the body.");
    }
    if (row.has_name) {
        write_path_parameter(out, "name", "A name, which may contain slashes.");
    }
    if (row.what == EndpointRow::file) {
        out.json(R"({"name":"expires","in":"query","description":"A part of the signed link.",)"
                 R"("schema":{"type":"string"}})");
    }
    if (row.what == EndpointRow::make) {
        for (const HeaderRow &header : kHeaders) {
            if (!header.of_jobs || (jobs && !row.is_async)) {
                out.json(reference("parameters", header.name));
            }
        }
    }
    if (row.what == EndpointRow::jobs) {
        write_query_parameter(out, "limit", "How many jobs.",
                              R"({"type":"integer","minimum":1,"maximum":100})");
        write_query_parameter(out, "after", "The last job of the page before.",
                              R"({"type":"string"})");
        write_query_parameter(
            out, "status", "Only jobs in this state.",
            R"({"type":"string","enum":["queued","in_progress","completed","failed","cancelled"]})");
    }
    out.close_array();
}

void write_delete_of_job(JsonWriter &out, const EndpointRow &row) {
    out.key("delete").open_object().key("operationId").string("deleteJob");
    out.key("summary").string("Cancel a job, or remove one that has ended, with its images");
    write_parameters(out, row, false, true);
    out.key("responses").open_object();
    write_reply(out, "200", "The job is cancelled.", "Job");
    write_reply(out, "202", "The job is asked to end.", "Job");
    write_reply(out, "204", "The job and its images are removed.", {});
    write_error_references(out, row);
    out.close_object().close_object();
}

void write_operation(JsonWriter &out, const Profile &profile, const EndpointRow &row,
                     bool model_in_path, bool jobs) {
    std::string path = std::string(model_in_path ? "/deployments/{deployment}/" : "/");
    path.append(row.tail).append(row.has_name ? "{name}" : "");
    out.key(path).open_object().key(row.is_read() ? "get" : "post").open_object();
    out.key("operationId").string(std::string(row.id) + (model_in_path ? "OfDeployment" : ""));
    out.key("summary").string(row.summary);
    write_parameters(out, row, model_in_path, jobs);
    if (row.what == EndpointRow::file) {
        out.key("security").open_array().close_array();  // the link is signed
    }
    if (row.what == EndpointRow::make) {
        write_request(out, profile, row, model_in_path);
    }
    out.key("responses").open_object();
    write_success(out, profile, row);
    if (row.what == EndpointRow::make && jobs && !row.is_async) {
        write_reply(out, "202", "Accepted as a job.", "Job");
    }
    write_error_references(out, row);
    out.close_object().close_object();
    if (row.what == EndpointRow::job) {
        write_delete_of_job(out, row);
    }
    out.close_object();
}

void write_paths(JsonWriter &out, const DocumentedLocation &location) {
    out.key("paths").open_object();
    for (const EndpointRow &row : endpoints()) {
        if (is_about_jobs(row) && !location.jobs) {
            continue;
        }
        write_operation(out, location.profile, row, false, location.jobs);
        if (row.of_deployment && row.what == EndpointRow::make) {
            write_operation(out, location.profile, row, true, location.jobs);
        }
    }
    out.close_object();
}

// A list of members without braces, of which the writer needs to see the first.
void write_members(JsonWriter &out, std::string_view members) {
    const size_t name = members.find('"') + 1;
    const size_t end = members.find('"', name);
    out.key(members.substr(name, end - name)).json(members.substr(end + 2));
}

void write_schemas(JsonWriter &out, const DocumentedLocation &location) {
    const Profile &profile = location.profile;
    out.key("schemas").open_object();
    for (const EndpointRow &row : endpoints()) {
        if (row.what == EndpointRow::make && !row.is_async) {
            out.key(schema_name(row, false));
            write_body_schema(out, profile, *row.operation);
            if (row.takes_form) {
                out.key(schema_name(row, true));
                write_form_schema(out, profile, *row.operation);
            }
        }
    }
    write_members(out, kAnswerSchemas);
    if (profile.field("stream") != nullptr) {
        write_members(out, kEventSchemas);
    }
    if (location.jobs) {
        write_members(out, kJobSchemas);
    }
    out.close_object();
}

void write_error_responses(JsonWriter &out) {
    out.key("responses").open_object();
    for (const ErrorText &text : error_texts()) {
        if (text.status != 499) {
            out.key("Error" + std::to_string(text.status)).open_object();
            out.key("description").string(text.message).key("content").open_object();
            write_content(out, "application/json", reference("schemas", "Error"));
            out.close_object().close_object();
        }
    }
    out.close_object();
}

void write_header_parameters(JsonWriter &out, bool jobs) {
    out.key("parameters").open_object();
    for (const HeaderRow &header : kHeaders) {
        if (header.of_jobs && !jobs) {
            continue;
        }
        out.key(header.name).open_object().key("name").string(header.name);
        out.key("in").string("header").key("description").string(header.text);
        out.key("schema").json(header.schema).close_object();
    }
    out.close_object();
}

void write_security(JsonWriter &out, DocumentedKey key) {
    out.key("security").open_array();
    if (key != DocumentedKey::none) {
        out.json(R"({"bearer":[]},{"apiKey":[]})");
    }
    if (key == DocumentedKey::optional) {
        out.json("{}");
    }
    out.close_array();
}

}  // namespace

std::string write_openapi(const DocumentedLocation &location) {
    const Profile &profile = location.profile;
    std::string_view server = location.path;
    while (server.size() > 1 && server.ends_with('/')) {
        server.remove_suffix(1);
    }
    JsonWriter out;
    out.open_object().key("openapi").string("3.1.0");
    out.key("info").open_object().key("title").string("Image gateway");
    out.key("version").string(profile.name);
    out.key("summary").string("Images from a prompt and from other images, by several providers.");
    out.key("description")
        .string("The profile " + std::string(profile.name) + " of the image gateway.");
    out.close_object();
    out.key("servers").open_array().open_object().key("url").string(server).close_object();
    out.close_array();
    write_security(out, location.key);
    write_paths(out, location);
    out.key("components").open_object();
    write_schemas(out, location);
    write_error_responses(out);
    write_header_parameters(out, location.jobs);
    out.key("headers").json(
        R"({"RequestId":{"description":"For questions about this request.","schema":{"type":"string"}}})");
    if (location.key != DocumentedKey::none) {
        out.key("securitySchemes")
            .json(R"({"bearer":{"type":"http","scheme":"bearer"},)"
                  R"("apiKey":{"type":"apiKey","in":"header","name":"x-api-key"}})");
    }
    out.close_object().close_object();
    return std::move(out).finish_text();
}

}  // namespace gateway
