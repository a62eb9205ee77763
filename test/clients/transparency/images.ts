// Images: builds of both kinds, archives, the registry, and the lists of them.
import type { Row } from './row.ts'

// Its first steps are nobody else's, so that two builds side by side find no layer of each other.
const dockerfile = `FROM busybox:local
LABEL made-by=$name
RUN : $name
ARG word=none
COPY file /file
RUN cat /file && echo "word is $word"
CMD ["cat", "/file"]
`
const files = {
  Dockerfile: dockerfile,
  file: 'content\n',
  ignored: 'x',
  '.dockerignore': 'ignored\n',
}
const classic = { DOCKER_BUILDKIT: '0' }
const buildkit = { DOCKER_BUILDKIT: '1', BUILDKIT_PROGRESS: 'plain' }

export const images: readonly Row[] = [
  {
    name: 'images, history and inspect show an image',
    steps: [
      'tag busybox:local $name:one',
      { run: 'images $name', shows: 'one' },
      { run: 'images --digests --no-trunc $name:one', shows: 'sha256:' },
      { run: "images -q --filter reference='$name:*'", shows: /[0-9a-f]{12}/ },
      { run: 'history --no-trunc busybox:local', shows: 'Imported' },
      // The engine adds the names of one image in whatever order.
      { run: "inspect -f '{{json .Config}}' busybox:local", shows: '"sh"' },
      { run: 'image inspect no-such-image', exit: 1, shows: 'No such image' },
      { run: 'rmi $name:one', shows: 'Untagged' },
      { run: 'rmi $name:one', exit: 1, shows: 'No such image' },
    ],
  },
  {
    name: 'the classic builder builds, caches, fails, and takes a Dockerfile from a pipe',
    // Docker 20.10 may lose the image of a step when another image is removed meanwhile.
    alone: true,
    files,
    steps: [
      { run: 'build --build-arg word=x -t $name:one $dir', env: classic, shows: 'word is x' },
      { run: 'build --build-arg word=x -t $name:one $dir', env: classic, shows: 'Using cache' },
      { run: 'run --rm $name:one', shows: 'content' },
      { run: 'build -q --no-cache -t $name:two $dir', env: classic, shows: /sha256:[0-9a-f]{64}/ },
      {
        run: 'build -t $name:three -',
        env: classic,
        stdin: 'FROM busybox:local\nLABEL x=$name\nRUN echo from a pipe\n',
        shows: 'from a pipe',
      },
      {
        run: 'build -',
        env: classic,
        stdin: 'FROM busybox:local\nRUN echo $name && exit 9\n',
        exit: 9,
        shows: 'non-zero code: 9',
      },
      { run: 'build -f $dir/none $dir', env: classic, exit: 1 },
    ],
  },
  {
    name: 'BuildKit builds over its session: context, secret, result',
    debianOnly: true,
    files: {
      ...files,
      secret: 'hidden\n',
      'Dockerfile.secret':
        'FROM busybox:local AS a\nRUN --mount=type=secret,id=s wc -c /run/secrets/s > /size; : $name\nFROM scratch\nCOPY --from=a /size /\n',
    },
    steps: [
      {
        run: 'build --build-arg word=y -t $name:one $dir',
        env: buildkit,
        shows: 'word is y',
        compare: 'exit',
      },
      { run: 'run --rm $name:one', shows: 'content' },
      { run: 'build -q -t $name:two $dir', env: buildkit, shows: /sha256:[0-9a-f]{64}/ },
      {
        run: 'build -f $dir/Dockerfile.secret --secret id=s,src=$dir/secret -o $dir/out $dir',
        env: buildkit,
        compare: 'exit',
      },
      { run: "sh -c 'cat $dir/out/size'", shows: '7 /run/secrets/s' },
      {
        run: 'build -t $name:three -',
        env: buildkit,
        stdin: 'FROM busybox:local\nRUN echo $name && exit 9\n',
        exit: 1,
        shows: 'exit code: 9',
        compare: 'exit',
      },
    ],
  },
  {
    name: 'save and load keep an image whole, by file and by pipe',
    files,
    steps: [
      { run: 'build -q -t $name:one $dir', env: classic },
      'save -o $dir/image.tar $name:one busybox:local',
      { run: "sh -c 'tar -tf $dir/image.tar | grep -c layer.tar'", shows: '3' },
      { run: 'rmi $name:one', compare: 'lines' },
      { run: 'load -i $dir/image.tar', shows: 'Loaded image: $name:one', compare: 'lines' },
      { run: 'run --rm $name:one', shows: 'content' },
      { run: "sh -c '$docker save $name:one | $docker load -q'", shows: '$name:one' },
      { run: 'save $name:none', exit: 1, shows: /no such|not exist/i },
      { run: 'load', stdin: 'not a tar', exit: 1 },
    ],
  },
  {
    name: 'export and import keep a file system whole, by file and by pipe',
    steps: [
      "run --name $name busybox sh -c 'echo kept > /kept'",
      'export -o $dir/fs.tar $name',
      { run: "sh -c 'tar -xOf $dir/fs.tar kept'", shows: 'kept' },
      { run: 'import -c \'CMD ["cat","/kept"]\' $dir/fs.tar $name:one', shows: 'sha256:' },
      { run: 'run --rm $name:one', shows: 'kept' },
      {
        run: "sh -c '$docker export $name | $docker import -m message - $name:two'",
        shows: 'sha256:',
      },
      { run: 'history --no-trunc $name:two', shows: 'message' },
    ],
  },
  {
    name: 'commit makes an image of a container',
    steps: [
      "run --name $name busybox sh -c 'echo kept > /kept'",
      { run: 'commit -a me -m why -c \'CMD ["cat","/kept"]\' $name $name:one', shows: 'sha256:' },
      { run: 'run --rm $name:one', shows: 'kept' },
      { run: 'history $name:one', shows: 'why' },
    ],
  },
  {
    name: 'push, pull and login speak with a registry',
    steps: [
      {
        run: 'login -u someone --password-stdin localhost:5000',
        stdin: 'word',
        shows: 'Succeeded',
      },
      'tag busybox:local localhost:5000/$name:one',
      { run: 'push localhost:5000/$name:one', shows: 'digest: sha256:', compare: 'lines' },
      { run: 'rmi localhost:5000/$name:one', shows: 'Untagged' },
      { run: 'pull localhost:5000/$name:one', shows: 'Status: ', compare: 'lines' },
      { run: 'pull -q localhost:5000/$name:one', shows: 'localhost:5000/$name:one' },
      { run: 'pull localhost:5000/$name:none', exit: 1, shows: 'manifest unknown' },
      { run: 'push localhost:5000/$name:none', exit: 1, shows: 'does not exist' },
      { run: 'logout localhost:5000' },
    ],
  },
]
