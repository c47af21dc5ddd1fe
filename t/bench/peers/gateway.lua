-- The least that a hand-written gateway for images does: a key, a look at the request, and another name for the model.
local cjson = require "cjson.safe"

local gateway = {}

local SIZES = { auto = true, ["1024x1024"] = true, ["1536x1024"] = true, ["1024x1536"] = true }
local QUALITIES = { auto = true, low = true, medium = true, high = true }

local function is_integer(lowest, highest)
    return function(value)
        return type(value) == "number" and value % 1 == 0 and value >= lowest and value <= highest
    end
end

local FIELDS = {
    model = function(value) return type(value) == "string" end,
    prompt = function(value) return type(value) == "string" and #value > 0 and #value <= 32000 end,
    n = is_integer(1, 10),
    size = function(value) return SIZES[value] end,
    quality = function(value) return QUALITIES[value] end,
    stream = function(value) return type(value) == "boolean" end,
    partial_images = is_integer(0, 3),
    user = function(value) return type(value) == "string" end,
}

local function refuse(status, code, message)
    ngx.status = status
    ngx.header["Content-Type"] = "application/json"
    ngx.print(cjson.encode({ error = { message = message, code = code } }))
    return ngx.exit(status)
end

local function mistake_in(body)
    if type(body) ~= "table" then
        return "The body must be a JSON object."
    end
    for name, value in pairs(body) do
        local valid = FIELDS[name]
        if not valid then
            return "There is no parameter " .. tostring(name) .. "."
        elseif not valid(value) then
            return "Invalid value of " .. name .. "."
        end
    end
    return (not body.prompt and "prompt is required.") or (not body.model and "model is required.") or nil
end

function gateway.admit()
    local secret = (ngx.var.http_authorization or ""):match("^Bearer (.+)$")
    if not secret or not gateway.keys[secret] then
        return refuse(401, "invalid_api_key", "The key is not known.")
    end
    ngx.req.read_body()
    local body = cjson.decode(ngx.req.get_body_data() or "")
    local mistake = mistake_in(body)
    if mistake then
        return refuse(400, "invalid_request", mistake)
    end
    local target = gateway.targets[body.model]
    if not target then
        return refuse(404, "model_not_found", "There is no model " .. body.model .. ".")
    end
    body.model = gateway.model
    ngx.req.set_body_data(cjson.encode(body))
    ngx.req.set_header("Authorization", "Bearer " .. gateway.provider_key)
    ngx.var.target = target .. "/v1/images/generations"
end

return gateway
