-- For wrk: every device of a file in turn, 100 bytes up. DEVICES names the file, COMMAND the command.

local requests = {}
local at = 0

function init(arguments)
    local body = string.rep("\3", 100)
    for line in io.lines(os.getenv("DEVICES")) do
        local id, key, authorization = line:match("^(%S+) (%S+) (%S+)$")
        local path = "/Microsoft-Server-ActiveSync?Cmd=" .. os.getenv("COMMAND") .. "&User=bench&DeviceId=" .. id .. "&DeviceType=Bench"
        requests[#requests + 1] = wrk.format("POST", path, {
            ["Authorization"] = "Basic " .. authorization,
            ["MS-ASProtocolVersion"] = "16.1",
            ["X-MS-PolicyKey"] = key,
            ["User-Agent"] = "Bench/1",
            ["Content-Type"] = "application/vnd.ms-sync.wbxml",
        }, body)
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.stderr:write(string.format("result %d %d %d %d\n", summary.requests, summary.duration,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
