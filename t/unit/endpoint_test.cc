// What a path asks for, by how much of it the operator wrote.
#include "core/request/endpoint.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

constexpr const char *kPicture = "abcdefghijklmnopqrstuvwxyz.png";

struct Row {
    std::string prefix;  // that the location has
    std::string rest;    // behind it
    Endpoint::What what;
    std::string name = {};
    std::string deployment = {};
};

void expect_all(const std::vector<Row> &rows) {
    for (const Row &row : rows) {
        const std::string path = row.prefix + row.rest;
        SCOPED_TRACE(row.prefix + " | " + row.rest);
        const Endpoint found = endpoint_of(path, row.prefix.size());
        EXPECT_EQ(found.what, row.what);
        EXPECT_EQ(found.name, row.name);
        EXPECT_EQ(found.deployment, row.deployment);
    }
}

TEST(Endpoint, StandsBehindThePrefixAndFewWords) {
    const std::string file = std::string("images/files/") + kPicture;
    for (const std::string prefix : {"/", "/v1/", "/api/v1/llm/", "/v1", "/models/"}) {
        for (const std::string words : {"", "v1/", "openai/", "openai/v1/"}) {
            const std::string before = (prefix.ends_with('/') ? "" : "/") + words;
            expect_all({
                {prefix, before + "images/generations", Endpoint::generations},
                {prefix, before + "deployments/m/images/generations", Endpoint::generations, "",
                 "m"},
                {prefix, before + "deployments/a/b:c/images/generations", Endpoint::generations, "",
                 "a/b:c"},
                {prefix, before + "deployments/images/generations/images/generations",
                 Endpoint::generations, "", "images/generations"},
                {prefix, before + "models", Endpoint::models},
                {prefix, before + "models/a", Endpoint::model, "a"},
                {prefix, before + "models/a/models/b", Endpoint::model, "a/models/b"},
                {prefix, before + file, Endpoint::file, kPicture},
                {prefix, before + "deployments/m/" + file, Endpoint::file, kPicture, "m"},
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
        expect_all({{"/a/", rest, Endpoint::none}, {"/", rest, Endpoint::none}});
    }
    expect_all({{"/v1", "x/images/generations", Endpoint::none},
                {"/v1", "x/v1/images/generations", Endpoint::none},
                {"", "", Endpoint::none},
                {"x", "", Endpoint::none}});
}

TEST(Endpoint, MayBeginInWhatTheOperatorWrote) {
    expect_all({
        {"/v1/images/generations", "", Endpoint::generations},
        {"/v1/images/", "generations", Endpoint::generations},
        {"/v1/im", "ages/generations", Endpoint::generations},
        {"/a/openai/deployments/", "m/images/generations", Endpoint::generations, "", "m"},
        {"/a/openai/deployments/", "v1/images/generations", Endpoint::generations, "", "v1"},
        {"/deployments/m/", "images/generations", Endpoint::generations, "", "m"},
        {"/models/v1/", "images/generations", Endpoint::generations},
        {"/v1/models/", "openai/x", Endpoint::model, "openai/x"},
        {"/v1/images/", "x/images/generations", Endpoint::none},
        {"/v1/images/generations", "/x/images/generations", Endpoint::none},
    });
}

TEST(Endpoint, IsTheEndOfThePathWhereTheOperatorsPatternDecides) {
    expect_all({
        {"/any/thing/images/generations", "", Endpoint::generations},
        {"/any/deployments/a/b/images/generations", "", Endpoint::generations, "", "a/b"},
        {"/any/models", "", Endpoint::models},
        {"/any/models/a", "", Endpoint::model, "a"},
        {"/anyimages/generations", "", Endpoint::none},
    });
}

}  // namespace
}  // namespace gateway
