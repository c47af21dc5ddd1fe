// A candidate is prepared only if the catalogue knows its model.
#include "core/routing/prepare.h"

#include <gtest/gtest.h>

#include "core/response/models.h"
#include "routing_world.h"

namespace gateway {
namespace {

class PrepareTest : public RoutingTest {};

TEST_F(PrepareTest, KnowsNoModelOfAnApiThatTheCatalogueDoesNotHave) {
    use_catalogue(R"({"apis":{"none":[{"model":"a"}],"openai":"none"}})");
    const ImageRequest request;
    for (const char *model : {"gpt-image-2", "*", ""}) {
        const Candidate candidate{map.provider("openai"), model};
        const auto prepared = prepare(candidate, {request, *map.catalogue()});
        ASSERT_FALSE(prepared) << model;
        EXPECT_EQ(prepared.error().status, 404);
        EXPECT_EQ(prepared.error().code, "model_not_found");
    }
    const auto described = write_model({map, *map.catalogue(), caller}, "openai/x", 0);
    ASSERT_FALSE(described);
    EXPECT_EQ(described.error().code, "model_not_found");
}

}  // namespace
}  // namespace gateway
