// The OpenAPI document: each profile's is JSON and has a path for each endpoint and a schema for
// each field.
#include "core/openapi/document.h"

#include <gtest/gtest.h>

#include "core/request/endpoint.h"
#include "read_json.h"

namespace gateway {
namespace {

TEST(OpenApi, EveryProfileHasADocumentWithAllEndpointsAndFields) {
    for (const Profile &profile : profiles()) {
        const ReadJson json(write_openapi({profile, "/v1/", {}, true}));
        for (const EndpointRow &row : endpoints()) {
            const std::string path = "/" + std::string(row.tail) + (row.has_name ? "{name}" : "");
            EXPECT_TRUE(json["paths"][path]) << profile.name << path;
        }
        const JsonValue fields = json["components"]["schemas"]["GenerationRequest"]["properties"];
        for (const Field &field : profile.fields) {
            EXPECT_TRUE(fields[field.name]) << profile.name << field.name;
        }
    }
}

TEST(OpenApi, OnlyProfilesWithStreamsHaveEvents) {
    for (const Profile &profile : profiles()) {
        const ReadJson json(write_openapi({profile, "/v1/"}));
        EXPECT_EQ(static_cast<bool>(json["components"]["schemas"]["Event"]),
                  profile.field("stream") != nullptr);
    }
}

TEST(OpenApi, ALocationWithoutJobsSaysNothingAboutThem) {
    for (const Profile &profile : profiles()) {
        const std::string with = write_openapi({profile, "/v1/", {}, true});
        const std::string without = write_openapi({profile, "/v1/"});
        EXPECT_NE(with.find("image.job"), std::string::npos);
        EXPECT_NE(with.find("deleteJob"), std::string::npos);
        for (const char *word :
             {"image.job", "respond-async", "images/jobs", "async/", "\"202\""}) {
            EXPECT_EQ(without.find(word), std::string::npos) << profile.name << word;
        }
    }
}

TEST(OpenApi, EndpointsHaveAnIdOfTheirOwn) {
    std::string seen = " ";
    for (const EndpointRow &row : endpoints()) {
        EXPECT_EQ(seen.find(" " + std::string(row.id) + " "), std::string::npos);
        seen += std::string(row.id) + " ";
        EXPECT_FALSE(row.summary.empty());
    }
}

}  // namespace
}  // namespace gateway
