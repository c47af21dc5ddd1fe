#include "core/openapi/answer_schemas.h"

namespace gateway {

const std::string_view kAnswerSchemas = R"json(
"ImageReference":{"description":"An https URL, a data URL, base64, or an object with one of them.","oneOf":[
  {"type":"string","minLength":1},
  {"type":"object","minProperties":1,"properties":{"image_url":{"oneOf":[{"type":"string"},{"type":"object"}]},
    "url":{"type":"string"},"b64_json":{"type":"string"},"file_id":{"type":"string"}}}]},
"ImageReferences":{"oneOf":[{"$ref":"#/components/schemas/ImageReference"},
  {"type":"array","items":{"$ref":"#/components/schemas/ImageReference"}}]},
"Image":{"type":"object","required":["index"],"properties":{
  "b64_json":{"type":"string","description":"The bytes of the image in base64."},
  "url":{"type":"string"},"revised_prompt":{"type":"string"},"index":{"type":"integer","minimum":0}}},
"Usage":{"type":"object","required":["input_tokens","output_tokens","total_tokens"],"properties":{
  "input_tokens":{"type":"integer"},"input_tokens_details":{"$ref":"#/components/schemas/TokenDetails"},
  "output_tokens":{"type":"integer"},"output_tokens_details":{"$ref":"#/components/schemas/TokenDetails"},
  "total_tokens":{"type":"integer"}}},
"TokenDetails":{"type":"object","required":["image_tokens","text_tokens"],"properties":{
  "image_tokens":{"type":"integer"},"text_tokens":{"type":"integer"}}},
"Attempt":{"type":"object","required":["provider","model","outcome","status","code","latency"],"properties":{
  "provider":{"type":"string"},"model":{"type":"string"},"call":{"type":"integer"},
  "outcome":{"type":"string","enum":["made","pending","refused_by_policy","callers_fault","our_credentials",
    "out_of_quota","throttled","not_here","broken","unknown","too_late"]},
  "status":{"type":["integer","null"]},"code":{"type":["string","null"]},"message":{"type":"string"},
  "images":{"type":"integer"},"billed":{"type":"string","enum":["yes","unknown"]},"cost":{"type":"number"},
  "latency":{"type":"integer","description":"In milliseconds."}}},
"Adjustment":{"type":"object","required":["param","requested","sent","reason"],"properties":{
  "param":{"type":"string"},"requested":{},"sent":{},"reason":{"type":"string"}}},
"Cost":{"type":"object","required":["usd","basis"],"properties":{
  "usd":{"type":["number","null"],"description":"null if it is not known."},"basis":{"type":"string"}}},
"ImageFacts":{"type":"object","required":["index","provenance"],"properties":{
  "index":{"type":"integer"},"width":{"type":"integer"},"height":{"type":"integer"},"format":{"type":"string"},
  "bytes":{"type":"integer"},"provenance":{"type":["string","null"]},"expires_at":{"type":"integer"},
  "seed":{"type":"integer"}}},
"InputFacts":{"type":"object","required":["role"],"properties":{
  "role":{"type":"string","enum":["image","mask"]},"width":{"type":"integer"},"height":{"type":"integer"},
  "format":{"type":"string"},"bytes":{"type":"integer"},"file_id":{"type":"string"}}},
"ExtraFields":{"type":"object","required":["request_type","latency"],"properties":{
  "request_type":{"type":"string"},"provider":{"type":"string"},"model_deployment":{"type":"string"},
  "model_requested":{"type":"string"},"latency":{"type":"integer"},
  "attempts":{"type":"array","items":{"$ref":"#/components/schemas/Attempt"}},
  "skipped":{"type":"array","items":{"type":"object","required":["provider","model","reason"],"properties":{
    "provider":{"type":"string"},"model":{"type":"string"},"reason":{"type":"string"}}}},
  "adjustments":{"type":"array","items":{"$ref":"#/components/schemas/Adjustment"}},
  "images":{"type":"array","items":{"$ref":"#/components/schemas/ImageFacts"}},
  "inputs":{"type":"array","items":{"$ref":"#/components/schemas/InputFacts"}},
  "cost":{"$ref":"#/components/schemas/Cost"},"billed":{"type":"string","enum":["yes","unknown","no"]},"usage_basis":{"type":"string","enum":["counted","provider"]},
  "chunk_index":{"type":"integer"},"cache_debug":{"type":"object"},"shared":{"type":"boolean"},"status_committed":{"type":"boolean"},"may_still_be_working":{"type":"boolean"}}},
"Images":{"type":"object","required":["id","created","model","data","usage","extra_fields"],"properties":{
  "id":{"type":"string"},"created":{"type":"integer"},"model":{"type":"string"},
  "data":{"type":"array","items":{"$ref":"#/components/schemas/Image"}},
  "background":{"type":"string"},"output_format":{"type":"string"},"quality":{"type":"string"},"size":{"type":"string"},
  "usage":{"$ref":"#/components/schemas/Usage"},"extra_fields":{"$ref":"#/components/schemas/ExtraFields"}}},
"Error":{"type":"object","required":["event_id","type","is_bifrost_error","status_code","error","extra_fields"],"properties":{
  "event_id":{"type":"string"},"type":{"type":"string"},"is_bifrost_error":{"type":"boolean"},
  "status_code":{"type":"integer"},
  "error":{"type":"object","required":["type","code","message","param","event_id"],"properties":{
    "type":{"type":"string"},"code":{"type":["string","null"]},"message":{"type":"string"},
    "param":{"type":["string","null"]},"event_id":{"type":"string"},
    "details":{"type":"array","items":{"type":"object","required":["param","code","message"],"properties":{
      "param":{"type":"string"},"code":{"type":"string"},"message":{"type":"string"}}}}}},
  "extra_fields":{"$ref":"#/components/schemas/ExtraFields"}}},
"Model":{"type":"object","required":["id","object","created","owned_by"],"properties":{
  "id":{"type":"string"},"object":{"const":"model"},"created":{"type":"integer"},"owned_by":{"type":"string"},
  "alias":{"type":"object","description":"Only of an alias, which has no further members."},
  "status":{"type":"string","enum":["current","preview","deprecated","shut_down"]},"shutdown":{"type":"string"},
  "warning":{"type":"string"},
  "operations":{"type":"array","items":{"type":"string","enum":["generate","edit","variation","stream"]}},
  "supported_parameters":{"type":"object","additionalProperties":{"type":"object","required":["type"],"properties":{
    "type":{"type":"string","enum":["size","ratio","enum","range","string"]}}}},
  "inputs":{"type":"object"},"returns":{"type":"object"},"pricing":{"type":["object","null"]}}},
"Models":{"type":"object","required":["object","data"],"properties":{
  "object":{"const":"list"},"data":{"type":"array","items":{"$ref":"#/components/schemas/Model"}}}}
)json";

const std::string_view kEventSchemas = R"json(
"Event":{"description":"With \"stream\": true: previews, then each image as it is ready, or an error.",
  "type":"object","required":["event","data"],"properties":{"event":{"type":"string"},
  "data":{"type":"string","contentMediaType":"application/json","contentSchema":{"oneOf":[
    {"$ref":"#/components/schemas/ImageEvent"},{"$ref":"#/components/schemas/Error"}]}}}},
"ImageEvent":{"type":"object","required":["type","index","created_at","extra_fields"],"properties":{
  "type":{"type":"string","enum":["image_generation.partial_image","image_generation.completed","image_edit.partial_image",
    "image_edit.completed","image_variation.partial_image","image_variation.completed"]},
  "partial_image_index":{"type":"integer","description":"Only of a preview."},
  "b64_json":{"type":"string"},"url":{"type":"string"},"revised_prompt":{"type":"string"},"index":{"type":"integer"},
  "created_at":{"type":"integer"},"background":{"type":"string"},"output_format":{"type":"string"},
  "quality":{"type":"string"},"size":{"type":"string"},
  "usage":{"$ref":"#/components/schemas/Usage"},"extra_fields":{"$ref":"#/components/schemas/ExtraFields"}}}
)json";

const std::string_view kJobSchemas = R"json(
"JobHead":{"type":"object",
  "required":["id","object","status","operation","model","created_at","completed_at","expires_at"],"properties":{
  "id":{"type":"string"},"object":{"const":"image.job"},
  "status":{"type":"string","enum":["queued","in_progress","completed","failed","cancelled"]},
  "operation":{"type":"string","enum":["image_generation","image_edit","image_variation"]},"model":{"type":"string"},
  "created_at":{"type":"integer"},"completed_at":{"type":["integer","null"]},
  "expires_at":{"type":["integer","null"],"description":"When the job and its images are removed."}}},
"Job":{"allOf":[{"$ref":"#/components/schemas/JobHead"},{"type":"object","required":["status_code"],"properties":{
  "status_code":{"type":["integer","null"],"description":"The status that the request would have had."},
  "result":{"$ref":"#/components/schemas/Images"},"error":{"$ref":"#/components/schemas/Error"}}}]},
"Jobs":{"type":"object","required":["object","data","has_more"],"properties":{
  "object":{"const":"list"},"data":{"type":"array","items":{"$ref":"#/components/schemas/JobHead"}},
  "has_more":{"type":"boolean"}}},
"BifrostJob":{"type":"object","required":["id","status","created_at"],"properties":{
  "id":{"type":"string"},"status":{"type":"string","enum":["pending","processing","completed","failed"]},
  "created_at":{"type":"string"},"completed_at":{"type":"string"},"expires_at":{"type":"string"},
  "status_code":{"type":"integer"},
  "result":{"$ref":"#/components/schemas/Images"},"error":{"$ref":"#/components/schemas/Error"}}}
)json";

}  // namespace gateway
