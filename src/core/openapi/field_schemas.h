// JSON Schemas of requests, from the rows of a profile.
#pragma once

#include "core/json/writer.h"
#include "core/request/operation.h"
#include "core/request/profile.h"

namespace gateway {

// The schema of a JSON body.
void write_body_schema(JsonWriter &out, const Profile &profile, Operation operation);
// The schema of a multipart/form-data body, for edits and variations.
void write_form_schema(JsonWriter &out, const Profile &profile, Operation operation);

}  // namespace gateway
