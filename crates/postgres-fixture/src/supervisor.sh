# Runs one PostgreSQL server on orders from standard input, and answers each with a line. When the input ends, whoever gave the
# orders is gone, however it went: the server is ended, and its directory removed.
postgres=$1
directory=$2
server=

start() {
  "$postgres" -D "$directory/data" >>"$directory/log" 2>&1 &
  server=$!
}

# Its children are listed before it is gone and nobody can tell whose they were.
end() {
  [ -n "$server" ] || return 0
  children=
  [ "$1" != KILL ] || read -r children <"/proc/$server/task/$server/children"
  # One word a child.
  # shellcheck disable=SC2086
  kill "-$1" "$server" $children 2>/dev/null
  wait "$server" 2>/dev/null
  # The next server does not start on memory that one of them still holds. They are not ours to wait for; a dead one runs nothing.
  for child in $children; do
    while [ -e "/proc/$child/exe" ]; do sleep 0.01; done
  done
  server=
}

trap 'end QUIT; rm -rf "$directory"' EXIT
trap 'exit 1' HUP INT TERM

while read -r order; do
  case $order in
    start) start ;;
    *) end "$order" ;;
  esac
  echo "$order"
done
