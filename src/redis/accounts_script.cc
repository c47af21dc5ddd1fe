#include "redis/accounts_script.h"

namespace gateway {

namespace {

constexpr std::string_view kAccountsScript = R"lua(
-- Counts requests, images and money of an owner's parties. One run is one step of one request, for
-- all its parties or for none. A run that is repeated does nothing the second time.
--
-- Keys: 1 "ig:server", 2 the prefix of all other keys: "ig:{OWNER}:".
--   PREFIX ACCOUNT   hash, what a party has used: r<second> and i<second> requests and images, c
--                    requests that run, dn dc images of the day, n<p> s<p> money of the period
--                    (its number and the sum), h money that is held
--   PREFIX e:WORKER  hash, requests that this worker has open, each packed
--   PREFIX w         hash, until when the worker's requests count as open
--   PREFIX t:ID      a request that has ended: empty, or, if its worker seemed dead, as it was
--   ig:server        hash: run (id of the server's process), open (nothing is granted before),
--                    lapse (no worker seems dead before), beat (when a run was last noted)
-- Arguments: 1 the id of the server's process, 2 operation, 3 worker, 4 lease in milliseconds, 5 id
--   of the request. Then
--   enter:   parties
--   reserve: step, images, money, parties
--   put:     state, entered (second), reservations, held, used, spent, parties
-- A party: account,concurrent,requests,images,images_day,keep (seconds),record,period,money,...
-- Replies: {"ok", second, for each party: requests used, seconds until none is, the same of
--   images, images of the day}, {"limit", party, row, wait}, {"budget", party, budget, left,
--   second}, {"closed", milliseconds}, {"gone"}, {"open", count}.

local call = redis.call
local run, op, worker, lease, id = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local prefix = KEYS[2]
local time = call('TIME')
local second = tonumber(time[1])
local now = second * 1000 + math.floor(tonumber(time[2]) / 1000)
local MINUTE = 61
local ENDED = 600000
local LAPSED = 86400000

local function text(number)
  return string.format('%.0f', number)
end

-- The server's process, and whether anybody was heard of lately.

local server = call('HMGET', KEYS[1], 'run', 'open', 'lapse', 'beat')
local open, lapse = tonumber(server[2]) or 0, tonumber(server[3]) or 0
local beat = tonumber(server[4]) or 0
if server[1] ~= run then
  open = now + lease
  lapse = open
  call('HSET', KEYS[1], 'run', run, 'open', text(open), 'lapse', text(lapse), 'beat', text(now))
elseif now - beat > lease / 2 then
  lapse = now + lease
  call('HSET', KEYS[1], 'lapse', text(lapse), 'beat', text(now))
elseif now - beat > lease / 10 or now < beat then
  call('HSET', KEYS[1], 'beat', text(now))
end
open = math.min(open, now + lease)

-- Calendar

local function numbers_at(at)
  local day = math.floor(at / 86400)
  local z = day + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return {[0] = math.floor(at / 3600), day, math.floor((day + 3) / 7), (year - 1970) * 12 + month - 1, 0}
end

local numbers = numbers_at(second)

-- Counters. A count of an earlier period gives way to one of a later period. `late`: what is added
-- belongs to an earlier time; it does not count if that period is over.

local function add_dated(key, number_field, sum_field, number, count, late)
  local have = tonumber(call('HGET', key, number_field))
  if have == number or (have and have > number and not late) then
    call('HINCRBY', key, sum_field, text(count))
  elseif not (have and have > number) and (not late or count > 0) then
    call('HSET', key, number_field, text(number), sum_field, text(count))
  end
end

local function spend(account, money, at)
  if money == 0 then return end
  local dated = at and numbers_at(at) or numbers
  for period = 0, 4 do
    add_dated(prefix .. account, 'n' .. period, 's' .. period, dated[period], money, at ~= nil)
  end
end

local function lower(key, field, count)
  if count ~= 0 and call('HINCRBY', key, field, text(-count)) <= 0 then
    call('HDEL', key, field)
  end
end

local function count_requests(account, at, count)
  at = math.min(at, second)
  if second - at < MINUTE then
    if count > 0 then call('HINCRBY', prefix .. account, 'r' .. text(at), text(count))
    else lower(prefix .. account, 'r' .. text(at), -count) end
  end
end

local function count_images(account, at, count)
  if count == 0 then return end
  at = math.min(at, second)
  if second - at < MINUTE then
    if count > 0 then call('HINCRBY', prefix .. account, 'i' .. text(at), text(count))
    else lower(prefix .. account, 'i' .. text(at), -count) end
  end
  add_dated(prefix .. account, 'dn', 'dc', math.floor(at / 86400), count, at < second)
end

local function load(account)
  local key = prefix .. account
  local flat = call('HGETALL', key)
  local tally = {r = {}, i = {}, r_used = 0, i_used = 0}
  local over = {}
  for n = 1, #flat, 2 do
    local field, value = flat[n], tonumber(flat[n + 1])
    local kind, at = string.match(field, '^([ri])(%d+)$')
    if not kind then
      tally[field] = value
    else
      at = tonumber(at)
      if second - at >= MINUTE then
        over[#over + 1] = field
      else
        table.insert(tally[kind], {at, value})
        tally[kind .. '_used'] = tally[kind .. '_used'] + value
      end
    end
  end
  for n = 1, #over, 1000 do
    call('HDEL', key, unpack(over, n, math.min(#over, n + 999)))
  end
  tally.day = tally.dn == numbers[1] and tally.dc or 0
  return tally
end

local function until_unused(counts)
  local last = second - MINUTE
  for _, one in ipairs(counts) do last = math.max(last, one[1]) end
  return last + MINUTE - second
end

local function wait_for(counts, used, count, max)
  table.sort(counts, function(a, b) return a[1] < b[1] end)
  local wait = 1
  for _, one in ipairs(counts) do
    used = used - one[2]
    wait = one[1] + MINUTE - second
    if used + count <= max or used == 0 then break end
  end
  return math.max(1, wait)
end

-- Parties

local function party_of(line)
  local words = {}
  for word in string.gmatch(line, '[^,]+') do words[#words + 1] = word end
  local party = {account = words[1], concurrent = tonumber(words[2]), requests = tonumber(words[3]),
                 images = tonumber(words[4]), day = tonumber(words[5]), keep = tonumber(words[6]),
                 record = words[7] == '1', budgets = {}}
  for n = 8, #words, 2 do
    party.budgets[#party.budgets + 1] = {period = tonumber(words[n]), money = tonumber(words[n + 1])}
  end
  return party
end

local function parties_from(first)
  local parties = {}
  for n = first, #ARGV do parties[#parties + 1] = party_of(ARGV[n]) end
  return parties
end

-- The budget that has not so much left; with 0, nothing.
local function exceeded_budget(party, tally, money)
  for n, budget in ipairs(party.budgets) do
    local spent = tally['n' .. budget.period] == numbers[budget.period] and tally['s' .. budget.period] or 0
    local left = budget.money - spent - (tally.h or 0)
    if left <= 0 or left < money then return n, left end
  end
end

local function keep(party)
  if party.keep > 0 then
    call('EXPIRE', prefix .. party.account, party.keep)
  else
    call('PERSIST', prefix .. party.account)
  end
end

local function quotas(parties)
  local reply = {'ok', second}
  for _, party in ipairs(parties) do
    local tally = load(party.account)
    for _, value in ipairs({tally.r_used, until_unused(tally.r), tally.i_used, until_unused(tally.i), tally.day}) do
      reply[#reply + 1] = value
    end
  end
  return reply
end

-- Requests

local mine = prefix .. 'e:' .. worker
local ended = prefix .. 't:' .. (id or '')

local function save(request)
  call('HSET', mine, id, cmsgpack.pack(request))
  call('HSET', prefix .. 'w', worker, text(now + lease))
end

local function new_request(parties, at)
  local request = {p = {}, s = at, r = {}, h = 0}
  for _, party in ipairs(parties) do
    request.p[#request.p + 1] = {party.account, party.concurrent > 0 and 1 or 0, party.record and 1 or 0,
                                 #party.budgets > 0 and 1 or 0}
  end
  return request
end

local function hold_slots(request)
  for _, party in ipairs(request.p) do
    if party[2] == 1 then call('HINCRBY', prefix .. party[1], 'c', 1) end
  end
end

local function hold_money(request, money)
  if money == 0 then return end
  for _, party in ipairs(request.p) do
    if party[4] == 1 then call('HINCRBY', prefix .. party[1], 'h', text(money)) end
  end
end

local function release(request)
  for _, party in ipairs(request.p) do
    if party[2] == 1 then lower(prefix .. party[1], 'c', 1) end
    if party[4] == 1 then lower(prefix .. party[1], 'h', request.h) end
  end
end

local function reserve_images(request, step, at, images)
  request.r[#request.r + 1] = {step, at, images}
  for _, party in ipairs(request.p) do count_images(party[1], at, images) end
end

local function has_step(request, step)
  for _, one in ipairs(request.r) do
    if one[1] == step then return true end
  end
  return false
end

-- The latest reservations first: what was used belongs to the earliest ones.
local function give_back_images(request, used)
  local unused = -used
  for _, one in ipairs(request.r) do unused = unused + one[3] end
  for n = #request.r, 1, -1 do
    local back = math.min(unused, request.r[n][3])
    if back <= 0 then break end
    unused = unused - back
    for _, party in ipairs(request.p) do count_images(party[1], request.r[n][2], -back) end
  end
end

-- What dead workers hold is free, and their money counts as spent: the provider may bill it.
local function lapse_dead()
  if now < lapse then return end
  local workers = call('HGETALL', prefix .. 'w')
  for n = 1, #workers, 2 do
    local dead = workers[n]
    if dead ~= worker and tonumber(workers[n + 1]) < now then
      local requests = call('HGETALL', prefix .. 'e:' .. dead)
      for k = 1, #requests, 2 do
        local request = cmsgpack.unpack(requests[k + 1])
        release(request)
        for _, party in ipairs(request.p) do
          if party[4] == 1 then spend(party[1], request.h) end
        end
        request.l = second
        call('SET', prefix .. 't:' .. requests[k], cmsgpack.pack(request), 'PX', LAPSED)
      end
      call('DEL', prefix .. 'e:' .. dead)
      call('HDEL', prefix .. 'w', dead)
    end
  end
end

-- Operations

if op == 'beat' then
  return {'open', 0}
end

if op == 'renew' then
  local count = call('HLEN', mine)
  if count > 0 then call('HSET', prefix .. 'w', worker, text(now + lease)) end
  return {'open', count}
end

if op == 'enter' then
  if now < open and call('HEXISTS', mine, id) == 0 then return {'closed', open - now} end
  if call('EXISTS', ended) == 1 then return {'gone'} end
  local parties = parties_from(6)
  if call('HEXISTS', mine, id) == 0 then
    lapse_dead()
    for n, party in ipairs(parties) do
      local tally = load(party.account)
      if party.concurrent > 0 and (tally.c or 0) >= party.concurrent then return {'limit', n, 0, 1} end
      if party.requests > 0 and tally.r_used + 1 > party.requests then
        return {'limit', n, 1, wait_for(tally.r, tally.r_used, 1, party.requests)}
      end
      local budget, left = exceeded_budget(party, tally, 0)
      if budget then return {'budget', n, budget, left, second} end
    end
    local request = new_request(parties, second)
    hold_slots(request)
    for _, party in ipairs(parties) do
      count_requests(party.account, second, 1)
      keep(party)
    end
    save(request)
  end
  return quotas(parties)
end

if op == 'reserve' then
  if now < open then return {'closed', open - now} end
  local packed = call('HGET', mine, id)
  if not packed then return {'gone'} end
  local request = cmsgpack.unpack(packed)
  local step, images, money = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
  local parties = parties_from(9)
  if not has_step(request, step) then
    lapse_dead()
    for n, party in ipairs(parties) do
      local tally = load(party.account)
      if party.images > 0 and tally.i_used + images > party.images then
        return {'limit', n, 2, wait_for(tally.i, tally.i_used, images, party.images)}
      end
      if party.day > 0 and tally.day + images > party.day then
        return {'limit', n, 3, (numbers[1] + 1) * 86400 - second}
      end
      if money > 0 then
        local budget, left = exceeded_budget(party, tally, money)
        if budget then return {'budget', n, budget, left, second} end
      end
    end
    reserve_images(request, step, second, images)
    hold_money(request, money)
    request.h = request.h + money
    save(request)
  end
  return quotas(parties)
end

-- put: how the request stands, whatever is known of it here.
local state, entered = ARGV[6], tonumber(ARGV[7])
local held, used, spent = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
if entered == 0 then entered = second end
local reservations = {}
local list = {}
for word in string.gmatch(ARGV[8], '[^,]+') do list[#list + 1] = tonumber(word) end
for n = 1, #list, 3 do
  reservations[#reservations + 1] = {list[n], list[n + 1] == 0 and second or list[n + 1], list[n + 2]}
end

local packed = call('HGET', mine, id)
local past = not packed and call('GET', ended)
local request = packed and cmsgpack.unpack(packed) or (past and past ~= '' and cmsgpack.unpack(past)) or nil
if past == '' then return {'ok', second} end

if state == 'open' then
  if past then  -- it seemed dead, and is not
    for _, party in ipairs(request.p) do
      if party[4] == 1 then spend(party[1], -request.h, request.l) end
    end
    request.l = nil
    hold_slots(request)
    hold_money(request, request.h)
    call('DEL', ended)
  elseif not request then
    local parties = parties_from(12)
    request = new_request(parties, entered)
    hold_slots(request)
    for _, party in ipairs(parties) do
      count_requests(party.account, entered, 1)
      keep(party)
    end
  end
  for _, one in ipairs(reservations) do
    if not has_step(request, one[1]) then reserve_images(request, one[1], one[2], one[3]) end
  end
  if held > request.h then
    hold_money(request, held - request.h)
    request.h = held
  end
  save(request)
  return {'ok', second}
end

if request then
  if state == 'undone' then
    for _, party in ipairs(request.p) do count_requests(party[1], request.s, -1) end
  end
  give_back_images(request, used)
  if packed then
    release(request)
    call('HDEL', mine, id)
    if call('EXISTS', mine) == 0 then call('HDEL', prefix .. 'w', worker) end
  end
  for _, party in ipairs(request.p) do
    local counted = past and party[4] == 1 and request.h or 0
    if party[3] == 1 or party[4] == 1 then spend(party[1], -counted, request.l) spend(party[1], spent) end
  end
elseif state == 'closed' then
  local parties = parties_from(12)
  for _, party in ipairs(parties) do
    count_requests(party.account, entered, 1)
    local left = used
    for _, one in ipairs(reservations) do
      local count = math.min(left, one[3])
      count_images(party.account, one[2], count)
      left = left - count
    end
    if party.record or #party.budgets > 0 then spend(party.account, spent) end
    keep(party)
  end
end
call('SET', ended, '', 'PX', ENDED)
return {'ok', second}
)lua";

}  // namespace

std::string_view accounts_script() {
    return kAccountsScript;
}

}  // namespace gateway
