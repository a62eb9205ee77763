// Containers: their life, what they print, what they read, and how they end.
import type { Row } from './row.ts'

const sleeper = 'run -d --name $name --label $name busybox sleep 600'
const quick = 'sh -c \'trap "exit 0" TERM; echo ready; while :; do sleep 0.05; done\''
const sizes = 'sh -c \'trap "stty size" WINCH; echo go; while :; do sleep 0.05; done\''

export const containers: readonly Row[] = [
  {
    name: 'run prints what the container prints, on the stream that it used',
    steps: [{ run: "run --rm busybox sh -c 'echo out; echo err >&2'", shows: 'err' }],
  },
  {
    name: 'run ends with the exit code of the container',
    steps: [
      { run: "run --rm busybox sh -c 'exit 42'", exit: 42 },
      {
        run: 'run --rm --name $name busybox no-such-program',
        exit: 127,
        shows: 'not found',
        compare: 'exit',
      },
      // Docker 20.10 complains of its own haste now and then.
      {
        run: 'run --rm --name $name busybox /etc/passwd',
        exit: 126,
        shows: 'permission denied',
        compare: 'exit',
      },
      {
        run: 'run --rm localhost:5000/no-such-image',
        exit: 125,
        shows: /manifest unknown|not found/,
      },
      { run: "run --rm busybox sh -c 'exit 137'", exit: 137 },
    ],
  },
  {
    name: 'run -i passes a pipe, and the output that comes after its end',
    steps: [
      { run: 'run --rm -i busybox cat', stdin: 'x\n', shows: 'x' },
      {
        run: "run --rm -i busybox sh -c 'cat; sleep 0.3; echo after'",
        stdin: 'x\n',
        shows: 'after',
      },
      { run: 'run --rm -i busybox wc -c', stdin: 'y'.repeat(1_000_000), shows: '1000000' },
      { run: 'run --rm -i busybox wc -c', shows: '0' },
      { run: 'run --rm -i busybox echo done', stdin: null, shows: 'done' },
      { run: 'run --rm -i busybox head -c 1', stdin: 'z'.repeat(1_000_000), shows: 'z' },
    ],
  },
  {
    name: 'run without -i keeps its input to itself',
    steps: [
      { run: 'run --rm busybox wc -c', stdin: 'x\n', shows: '0' },
      { run: 'run --rm busybox echo hi', stdin: null, shows: 'hi' },
    ],
  },
  {
    name: 'run -it under a terminal passes keys and sizes',
    steps: [
      {
        run: `run --rm -it busybox ${sizes}`,
        terminal: [
          { expect: 'go', resize: { rows: 31, columns: 99 } },
          { expect: '31 99', send: '\u0003' },
        ],
        exit: 130,
        compare: 'exit',
      },
      {
        run: "run --rm -it busybox sh -c 'echo go; cat'",
        terminal: [
          { expect: 'go', send: 'abc\r' },
          { expect: 'abc\r\nabc', send: '\u0004' },
        ],
        compare: 'lines',
      },
      { run: 'run --rm -t busybox tty', shows: '/dev/pts/0' },
      { run: 'run --rm -it busybox tty', exit: 1, stdin: '', shows: 'not a TTY' },
    ],
  },
  {
    name: 'the detach keys leave the container running, and attach comes back to it',
    steps: [
      {
        run: "run -it --name $name busybox sh -c 'echo go; cat'",
        terminal: [
          { expect: 'go', send: 'abc\r' },
          { expect: 'abc\r\nabc', send: '\u0010\u0011' },
        ],
        compare: 'exit',
      },
      { run: 'inspect -f {{.State.Running}} $name', shows: 'true' },
      {
        run: 'attach --detach-keys ctrl-x $name',
        terminal: [
          { expect: '', send: 'def\r' },
          { expect: 'def\r\ndef', send: '\u0018' },
        ],
        exit: 1,
        compare: 'exit',
      },
      {
        run: 'attach $name',
        terminal: [
          { expect: '', send: 'ghi\r' },
          { expect: 'ghi\r\nghi', send: '\u0004' },
        ],
        compare: 'exit',
      },
      { run: 'inspect -f {{.State.Running}} $name', shows: 'false' },
    ],
  },
  {
    name: 'attach shows what comes, takes input, and ends with the exit code',
    steps: [
      'create -i --name $name busybox sh',
      'start $name',
      { run: 'attach $name', stdin: 'echo in; sleep 0.3; exit 6\n', shows: 'in', exit: 6 },
      { run: 'attach $name', exit: 1, shows: 'stopped container' },
    ],
  },
  {
    name: 'a signal to run reaches the container',
    steps: [
      {
        run: `run --rm --name $name busybox ${quick.replace('exit 0', 'exit 9')}`,
        interrupt: { after: 'ready', signal: 'SIGTERM' },
        exit: 9,
      },
    ],
  },
  {
    name: 'create, start, pause, restart, kill, wait, rename and rm act and answer',
    steps: [
      { run: `create --name $name --label $name busybox ${quick}`, shows: /[0-9a-f]{64}/ },
      { run: 'start $name', shows: '$name' },
      'pause $name',
      { run: 'ps --filter name=$name --format {{.Status}}', shows: 'Paused' },
      'unpause $name',
      'restart -t 2 $name',
      'update --memory 64m --memory-swap 64m $name',
      { run: 'inspect -f {{.HostConfig.Memory}} $name', shows: '67108864' },
      'kill -s TERM $name',
      { run: 'wait $name', shows: '0' },
      'rename $name $name-b',
      { run: 'rm $name', exit: 1, shows: 'No such container' },
      { run: 'rm $name-b', shows: '$name-b' },
    ],
  },
  {
    name: 'start -a and start -ai join the streams',
    steps: [
      "create --name $name busybox sh -c 'echo started; exit 3'",
      { run: 'start -a $name', shows: 'started', exit: 3 },
      'create -i --name $name-i busybox cat',
      { run: 'start -ai $name-i', stdin: 'to cat\n', shows: 'to cat' },
    ],
  },
  {
    name: 'stop and rm -f leave nothing',
    steps: [
      `run -d --name $name --label $name busybox ${quick}`,
      { run: 'stop -t 5 $name', shows: '$name' },
      'rm $name',
      sleeper,
      { run: 'rm $name', exit: 1, shows: 'running container' },
      'rm -f $name',
    ],
  },
  {
    name: 'a name that is taken is refused in the words of the engine',
    steps: [
      'create --name $name busybox',
      { run: 'create --name $name busybox', exit: 1, shows: 'is already in use' },
    ],
  },
  {
    name: 'ps and inspect show a container with all that was asked for it',
    steps: [
      'run -d --name $name -e A=b --label c=d --init -m 32m --memory-swap 32m --cap-drop ALL --read-only --tmpfs /t -p 127.0.0.1::80 --hostname h --restart on-failure:2 busybox sleep 600',
      { run: 'ps --filter name=$name', shows: '$name' },
      { run: 'ps -a -s --no-trunc --filter name=$name', shows: 'sleep 600' },
      { run: "ps --filter name=$name --format '{{json .}}'", shows: '"Names":"$name"' },
      { run: 'inspect $name', shows: '"A=b"' },
      { run: 'inspect -s -f {{.SizeRootFs}} $name', shows: /\d+/ },
      { run: 'port $name', shows: '80/tcp' },
      { run: 'inspect $name-none', exit: 1, shows: 'No such object' },
    ],
  },
  {
    name: 'logs shows both streams, a tail, times, and follows to the end',
    steps: [
      "run -d --name $name busybox sh -c 'for i in 1 2 3; do echo $i; done; sleep 0.3; echo err >&2; sleep 1; echo last'",
      { run: 'logs -f $name', shows: 'last' },
      { run: 'logs $name', shows: 'err' },
      { run: 'logs --tail 2 $name', compare: 'lines' },
      { run: 'logs -t --since 1h --details $name', shows: 'last' },
      { run: 'logs $name-none', exit: 1, shows: 'No such container' },
      "run -d --name $name-2 busybox sh -c 'echo tick; sleep 600'",
      { run: 'logs -f $name-2', interrupt: { after: 'tick', signal: 'SIGINT' }, exit: 'any' },
    ],
  },
  {
    name: 'exec runs with its own user, folder, environment, and exit code',
    steps: [
      sleeper,
      {
        run: "exec -e A=b -w /tmp -u nobody $name sh -c 'echo $A $PWD; id -un; exit 5'",
        exit: 5,
        shows: 'b /tmp',
      },
      { run: 'exec -i $name cat', stdin: 'piped\n', shows: 'piped' },
      { run: "exec -i $name sh -c 'cat; sleep 0.3; echo after'", stdin: 'x\n', shows: 'after' },
      { run: 'exec $name wc -c', stdin: 'not read', shows: '0' },
      'exec -d $name touch /tmp/made',
      {
        run: "exec $name sh -c 'until [ -e /tmp/made ]; do sleep 0.05; done; ls /tmp'",
        shows: 'made',
      },
      { run: 'exec $name no-such-program', exit: 126, shows: 'not found' },
      'stop -t 0 $name',
      { run: 'exec $name true', exit: 1, shows: 'is not running' },
    ],
  },
  {
    name: 'exec -it under a terminal passes keys and sizes, and can be detached from',
    steps: [
      sleeper,
      {
        run: `exec -it $name ${sizes}`,
        terminal: [
          { expect: 'go', resize: { rows: 33, columns: 77 } },
          { expect: '33 77', send: '\u0003' },
        ],
        exit: 130,
        compare: 'exit',
      },
      {
        run: "exec -it $name sh -c 'echo go; cat'",
        terminal: [
          { expect: 'go', send: 'abc\r' },
          { expect: 'abc\r\nabc', send: '\u0010\u0011' },
        ],
        exit: 1,
        compare: 'exit',
      },
    ],
  },
  {
    name: '200 MB of tar go through exec -i, and come back',
    steps: [
      sleeper,
      {
        run: "sh -c 'cd $dir && truncate -s 200M big && tar -c big | $docker exec -i $name tar -xC /tmp'",
      },
      { run: 'exec $name md5sum /tmp/big', shows: '3566de3a97906edb98d004d6b947ae9b' },
      {
        run: "sh -c '$docker exec $name cat /tmp/big | md5sum'",
        shows: '3566de3a97906edb98d004d6b947ae9b',
      },
    ],
  },
  {
    name: 'top and stats show the processes',
    steps: [
      sleeper,
      { run: 'top $name -o pid,args', shows: 'sleep 600', compare: 'words' },
      { run: 'stats --no-stream $name', shows: '$name', compare: 'words' },
      // Docker 28 does not end at the keys here.
      {
        run: 'stats --format {{.Name}} $name',
        interrupt: { after: '$name', signal: 'SIGKILL' },
        exit: 'any',
        compare: 'lines',
      },
    ],
  },
  {
    name: 'events come as they happen, and from the past',
    steps: [
      'create --name $name busybox true',
      {
        run: "events --since 1h --filter container=$name --format '{{.Type}} {{.Action}}'",
        meanwhile: { after: 'create', run: 'start $name' },
        interrupt: { after: 'die', signal: 'SIGINT' },
        exit: 'any',
        shows: 'container start',
      },
      // The engine counts the end of the time asked for in whole seconds.
      {
        run: "sh -c 'until $docker events --since 1h --until 0s --filter container=$name | grep -q die; do sleep 0.1; done'",
      },
      { run: 'events --since 1h --until 0s --filter container=$name', shows: 'container die' },
    ],
  },
  {
    name: 'a folder of the machine and a file for the id work as ever',
    files: { 'in/file': 'content of $name\n' },
    steps: [
      {
        run: 'run --rm --cidfile $dir/id -v $dir/in:/in:ro busybox cat /in/file',
        shows: 'content of',
      },
      { run: "sh -c 'wc -c < $dir/id'", shows: '64' },
    ],
  },
  {
    name: 'cp goes both ways, file, folder and stream',
    files: { 'in/a': 'file a\n', 'in/sub/b': 'file b\n' },
    steps: [
      sleeper,
      'cp $dir/in $name:/tmp/in',
      { run: 'exec $name cat /tmp/in/a /tmp/in/sub/b', shows: 'file b' },
      'cp $dir/in/a $name:/tmp/renamed',
      'cp -a $name:/tmp/in $dir/out',
      { run: "sh -c 'cat $dir/out/a $dir/out/sub/b'", shows: 'file b' },
      { run: "sh -c '$docker cp $name:/etc/passwd - | tar -xO'", shows: 'nobody' },
      { run: "sh -c 'tar -cC $dir/in . | $docker cp - $name:/root'" },
      { run: 'exec $name ls /root /root/sub', shows: 'b' },
      { run: 'cp $name:/no/such $dir/x', exit: 1, shows: '/no/such' },
      { run: 'cp $dir/in/a $name:/no/such/', exit: 1, shows: /no such/i, compare: 'exit' },
      { run: 'diff $name', shows: 'A /tmp/renamed', compare: 'lines' },
    ],
  },
]
