// Which endpoint a path selects, depending on the part that the operator wrote.
#include "core/request/endpoint.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

constexpr const char *kImage = "abcdefghijklmnopqrstuvwxyz.png";

struct Row {
    std::string prefix;  // that the location has
    std::string rest;    // behind it
    EndpointRow::What what;
    std::string name = {};
    std::string deployment = {};
};

void expect_all(const std::vector<Row> &rows) {
    for (const Row &row : rows) {
        const std::string path = row.prefix + row.rest;
        SCOPED_TRACE(row.prefix + " | " + row.rest);
        const Endpoint found = endpoint_of(path, row.prefix.size());
        EXPECT_EQ(found.what(), row.what);
        EXPECT_EQ(found.name, row.name);
        EXPECT_EQ(found.deployment, row.deployment);
    }
}

TEST(Endpoint, StandsBehindThePrefixAndFewWords) {
    const std::string file = std::string("images/files/") + kImage;
    for (const std::string prefix : {"/", "/v1/", "/api/v1/llm/", "/v1", "/models/"}) {
        for (const std::string words : {"", "v1/", "openai/", "openai/v1/"}) {
            const std::string before = (prefix.ends_with('/') ? "" : "/") + words;
            expect_all({
                {prefix, before + "images/generations", EndpointRow::make},
                {prefix, before + "deployments/m/images/generations", EndpointRow::make, "", "m"},
                {prefix, before + "deployments/a/b:c/images/generations", EndpointRow::make, "",
                 "a/b:c"},
                {prefix, before + "deployments/images/generations/images/generations",
                 EndpointRow::make, "", "images/generations"},
                {prefix, before + "models", EndpointRow::models},
                {prefix, before + "models/a", EndpointRow::model, "a"},
                {prefix, before + "models/a/models/b", EndpointRow::model, "a/models/b"},
                {prefix, before + file, EndpointRow::file, kImage},
                {prefix, before + "deployments/m/" + file, EndpointRow::file, kImage, "m"},
            });
        }
    }
}

TEST(Endpoint, IsNothingBehindAnyOtherWord) {
    for (const std::string rest : {"x/images/generations",
                                   "images/generations/",
                                   "images/generations/x",
                                   "ximages/generations",
                                   "v1/v1/images/generations",
                                   "v1/openai/images/generations",
                                   "openai/openai/images/generations",
                                   "V1/images/generations",
                                   "v1//images/generations",
                                   "/images/generations",
                                   "images//generations",
                                   "deployments/images/generations",
                                   "deployments//images/generations",
                                   "x/deployments/m/images/generations",
                                   "deployments/m/models",
                                   "deployments/m/models/x",
                                   "images/files/x.png",
                                   "images/files/",
                                   "images/models",
                                   "x/models",
                                   "x/models/a",
                                   "models/",
                                   "modelsx",
                                   "v1",
                                   "v1/",
                                   "",
                                   "/"}) {
        expect_all({{"/a/", rest, EndpointRow::none}, {"/", rest, EndpointRow::none}});
    }
    expect_all({{"/v1", "x/images/generations", EndpointRow::none},
                {"/v1", "x/v1/images/generations", EndpointRow::none},
                {"", "", EndpointRow::none},
                {"x", "", EndpointRow::none}});
}

TEST(Endpoint, MayBeginInWhatTheOperatorWrote) {
    expect_all({
        {"/v1/images/generations", "", EndpointRow::make},
        {"/v1/images/", "generations", EndpointRow::make},
        {"/v1/im", "ages/generations", EndpointRow::make},
        {"/a/openai/deployments/", "m/images/generations", EndpointRow::make, "", "m"},
        {"/a/openai/deployments/", "v1/images/generations", EndpointRow::make, "", "v1"},
        {"/deployments/m/", "images/generations", EndpointRow::make, "", "m"},
        {"/models/v1/", "images/generations", EndpointRow::make},
        {"/v1/models/", "openai/x", EndpointRow::model, "openai/x"},
        {"/v1/images/", "x/images/generations", EndpointRow::none},
        {"/v1/images/generations", "/x/images/generations", EndpointRow::none},
    });
}

TEST(Endpoint, IsTheEndOfThePathWhereTheOperatorsPatternDecides) {
    expect_all({
        {"/any/thing/images/generations", "", EndpointRow::make},
        {"/any/deployments/a/b/images/generations", "", EndpointRow::make, "", "a/b"},
        {"/any/models", "", EndpointRow::models},
        {"/any/models/a", "", EndpointRow::model, "a"},
        {"/anyimages/generations", "", EndpointRow::none},
    });
}

}  // namespace
}  // namespace gateway
