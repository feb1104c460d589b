#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hosts.sh HOSTS COMMAND...: runs COMMAND once on each of HOSTS hosts, under mpirun. The hosts are network namespaces of this machine
# with names and addresses of their own, joined by a bridge in a namespace of its own: their traffic crosses TCP over veth pairs.
# All is gone afterwards. A host that is cut off is noticed by mpirun's daemons within some 6 to 12 s (keepalive probes, and
# tcp_retries2 for what is on its way; the system's defaults are minutes). HEDDLE_HOSTS_TIMEOUT: seconds (120). HEDDLE_HOSTS_LEFT: a
# file that gets what mpirun has left 10 s after its end, before it is cleaned away. Ends with 77 where namespaces cannot be made,
# else with mpirun's status.
set -u
if [ "${1:-}" = --agent ]; then # what mpirun calls in place of ssh: --agent PREFIX ADDRESS COMMAND...
    prefix=$2 host=${3##*.}
    shift 3
    # shellcheck disable=SC2016 # for the inner shell
    exec ip netns exec "$prefix$host" unshare --uts sh -c 'hostname "$0" && exec sh -c "$*"' "$prefix$host" "$@"
fi
[ $# -ge 2 ] && [ "$1" -ge 1 ] && [ "$1" -le 64 ] || { echo "usage: hosts.sh HOSTS COMMAND..." >&2; exit 2; }
hosts=$1
shift
skip() { echo "skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "network namespaces take root"
for tool in ip unshare mpirun timeout; do command -v $tool >/dev/null || skip "there is no $tool"; done

prefix=hd$$-
net=10.213.$(($$ % 250))
work=$(mktemp -d)
spaces() { echo "${prefix}hub"; for i in $(seq "$hosts"); do echo "$prefix$i"; done; }
left() { # processes on the hosts, and Open MPI's files
    for space in $(spaces); do
        for pid in $(ip netns pids "$space" 2>/dev/null); do
            echo "process $pid on $space: $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c 1-80)"
        done
    done
    ls -d "${TMPDIR:-/tmp}"/ompi."$prefix"* /dev/shm/*"$prefix"* 2>/dev/null
}
tell_left() {
    for i in $(seq 100); do [ -n "$(left)" ] || break; sleep 0.1; done
    left >"$HEDDLE_HOSTS_LEFT"
}
clean() {
    trap '' INT TERM HUP
    for space in $(spaces); do
        for pid in $(ip netns pids "$space" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
        ip netns del "$space" 2>/dev/null
    done
    rm -rf "$work" "${TMPDIR:-/tmp}"/ompi."$prefix"*
}
trap clean EXIT
trap 'exit 143' INT TERM HUP

ip netns add "${prefix}hub" 2>/dev/null || skip "this system makes no network namespaces"
ip -n "${prefix}hub" link add bridge type bridge 2>/dev/null || skip "this system makes no bridges"
ip -n "${prefix}hub" link set bridge up
list=
for i in $(seq "$hosts"); do
    ip netns add "$prefix$i" && ip -n "$prefix$i" link set lo up && ip netns exec "$prefix$i" sysctl -qw net.ipv4.tcp_retries2=4 &&
        ip -n "$prefix$i" link add net0 type veth peer name "to$i" netns "${prefix}hub" &&
        ip -n "$prefix$i" addr add "$net.$i/24" dev net0 && ip -n "$prefix$i" link set net0 up &&
        ip -n "${prefix}hub" link set "to$i" master bridge up || skip "host $i could not be joined to the others"
    list=$list,$net.$i:1
done
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
printf '#!/bin/sh\nexec "%s" --agent "%s" "$@"\n' "$self" "$prefix" >"$work/agent"
chmod +x "$work/agent"

passed=
[ -z "${HD_BACKEND_PATH:-}" ] || passed="-x HD_BACKEND_PATH"
[ -z "${HEDDLE_TIMEOUT_MS:-}" ] || passed="$passed -x HEDDLE_TIMEOUT_MS"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 HEDDLE_HOSTS_PREFIX="$prefix"
# shellcheck disable=SC2016,SC2086 # for the inner shell; a list of words
ip netns exec "${prefix}1" unshare --uts sh -c 'hostname "$0" && exec "$@"' "${prefix}1" \
    timeout -k 5 "${HEDDLE_HOSTS_TIMEOUT:-120}" mpirun -n "$hosts" --host "${list#,}" --map-by node --bind-to none \
    --mca plm_rsh_agent "$work/agent" --mca btl tcp,self --mca pml ob1 --mca btl_tcp_if_include "$net.0/24" \
    --mca oob_tcp_if_include "$net.0/24" --mca oob_tcp_keepalive_time 3 --mca oob_tcp_keepalive_intvl 1 \
    --mca oob_tcp_keepalive_probes 3 $passed "$@" &
mpirun=$!
wait $mpirun
status=$?
[ -z "${HEDDLE_HOSTS_LEFT:-}" ] || tell_left
exit $status
