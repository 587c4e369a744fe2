# The programs of the scripts that put load on the gateway: installed, started in the background with free ports and a folder for
# what they write, ended with the script. To be sourced from the project's root.

patience=120
export PATH=$PATH:/usr/sbin
# Where cargo builds, for this host.
unset CARGO_BUILD_TARGET
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac

# Installs what is missing of these, each given as program:package.
install() {
    local pair missing=()
    for pair; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || missing+=("${pair##*:}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    { timeout 600 apt-get update -qq && timeout 600 apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
        >/dev/null || { echo "cannot install ${missing[*]}" >&2; exit 1; }
}

ulimit -n "$(ulimit -Hn)"
folder=$(mktemp -d "${TMPDIR:-/tmp}/asprov-bench.XXXXXX") || exit 1
chmod 755 "$folder"
started=()
stop() {
    local process
    trap - EXIT INT TERM
    for process in "${started[@]}"; do
        kill -TERM "$process" 2>/dev/null
    done
    sleep 1
    for process in "${started[@]}"; do
        kill -KILL $(ps -o pid= --ppid "$process") "$process" 2>/dev/null
    done
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts a program in the background, which reads the file $input; its id is in $process.
start() { # name of its output, program, arguments
    local log=$1
    shift
    setpriv --pdeathsig KILL "$@" >"$folder/$log.out" 2>"$folder/$log.err" <"${input:-/dev/null}" &
    process=$!
    started+=("$process")
    disown "$process"
}

end() {
    local process=$1 waited
    kill -TERM "$process" 2>/dev/null
    for ((waited = 0; waited < 150; waited++)); do
        kill -0 "$process" 2>/dev/null || return
        sleep 0.1
    done
    kill -KILL $(ps -o pid= --ppid "$process") "$process" 2>/dev/null
}

fail() {
    echo "$1" >&2
    tail -n 5 "$folder"/*.err "$folder"/*.log >&2
    exit 1
}

until_ready() {
    local what=$1 deadline=$((SECONDS + patience))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || fail "$what: not after $patience s"
        sleep 0.1
    done
}

given=" "
free_port() {
    while :; do
        free=$((20000 + RANDOM % 12000))
        case $given in *" $free "*) continue ;; esac
        (exec 3<>"/dev/tcp/127.0.0.1/$free") 2>/dev/null && continue
        given+="$free "
        return
    done
}

# Gives each of these names a port, in $NAME_port.
free_ports() {
    local name
    for name; do
        free_port
        declare -g "${name}_port=$free"
    done
}

# Writes the configuration files of these names with the folder and the ports in them.
configure() {
    local file
    for file; do
        sed -e "s|@FOLDER@|$folder|g" -e "s|@UPSTREAM_PORT@|${upstream_port:-}|g" -e "s|@HOLDING_PORT@|${holding_port:-}|g" \
            -e "s|@UPSTREAM_TLS_PORT@|${upstream_tls_port:-}|g" \
            -e "s|@NGINX_PORT@|${nginx_port:-}|g" -e "s|@NGINX_HOLDING_PORT@|${nginx_holding_port:-}|g" \
            -e "s|@HAPROXY_PORT@|${haproxy_port:-}|g" -e "s|@HAPROXY_HOLDING_PORT@|${haproxy_holding_port:-}|g" \
            "benches/gateway/$file" >"$folder/$file"
    done
}

answers() { # at this port; curl's options
    local port=$1
    shift
    curl -sf --max-time 5 -u bench0000:secret -X OPTIONS "$@" "http://127.0.0.1:$port/Microsoft-Server-ActiveSync"
}

# Starts the static upstream, whose answers are made by this program, with these lines of configuration more.
start_upstream() {
    mkdir -p "$folder/answers"
    "$1" encode benches/gateway/small.xml >"$folder/answers/small" || fail "no answer"
    [ "$(wc -c <"$folder/answers/small")" -eq 200 ] || fail "the small answer has other than 200 bytes"
    head -c 1048576 /dev/urandom >"$folder/answers/large"
    start upstream nginx -e "$folder/upstream.log" -c "$folder/upstream.conf"
    upstream=$process
    until_ready "the upstream" answers "$upstream_port"
}

# Starts asprov with a store of its own in a folder of this name; its id is in $asprov_process.
start_asprov() { # name, program, port, administrators' port, upstream, other flags
    local name=$1 program=$2 port=$3 admin=$4 upstream=$5
    shift 5
    mkdir -p "$folder/$name"
    start "$name" env -C "$folder/$name" "$program" serve --listen "127.0.0.1:$port" --admin-listen "127.0.0.1:$admin" \
        --store "sqlite:$folder/$name/asprov.db" --upstream "$upstream" --log warn "$@"
    asprov_process=$process
    until_ready "$name" is_ready "$admin"
}

is_ready() { curl -sf --max-time 5 "http://127.0.0.1:$1/readyz" || curl -skf --max-time 5 "https://127.0.0.1:$1/readyz"; }

administer() { # name, program, administrators' port, command
    local name=$1 program=$2 admin=$3
    shift 3
    (cd "$folder/$name" && "$program" "$@" --admin "http://127.0.0.1:$admin") >"$folder/administer.err" 2>&1 ||
        fail "asprov $*"
}

# Provisions so many devices and writes what they need into the file.
provision() { # phones, port, number, file
    timeout 600 "$1" provision "127.0.0.1:$2" "$3" >"$4" || fail "provisioning ended early"
}

policy=(policy set default allow_non_provisionable=false DevicePasswordEnabled=true MinDevicePasswordLength=6)
