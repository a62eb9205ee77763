// Chapter 4 of the benchmark: images and their build files, as far as an image still tells of its making.
// Pure.
import { foundAny, onlyPeopleKnow, unseen, type Check, type Item } from '../check.ts'
import type { Image } from '../engine-facts.ts'
import { at, text, words } from '../inspected.ts'
import { ofContainers } from './containers.ts'
import { ofEngine } from './of-engine.ts'

function ofImages(
  id: string,
  severity: Check['severity'],
  title: string,
  mend: string,
  speaksAgainst: (image: Image) => string | undefined,
): Check {
  return ofEngine(id, severity, title, {
    mend,
    look({ images }) {
      const items = images.flatMap((image): Item[] => {
        const seen = speaksAgainst(image)
        return seen === undefined ? [] : [{ on: image.name, seen }]
      })
      return foundAny(items, `none of ${images.length} images`)
    },
  })
}

function people(id: string, title: string, what: string, mend: string): Check {
  return ofEngine(id, 'info', title, { mend, look: onlyPeopleKnow(what) })
}

export const imageChecks: readonly Check[] = [
  ofContainers(
    '4.1',
    'low',
    'containers run as root',
    'USER in the Dockerfile, or `docker run --user`; `limits: { user: nonroot }` asks for it',
    ({ inspect }) => {
      const user = text(inspect, 'Config', 'User')
      if (!/^(|root|0+)(:.*)?$/.test(user)) return undefined
      return user === '' ? 'no user is said' : `as ${user}`
    },
  ),
  people(
    '4.2',
    'base images are not trusted ones',
    'which base images are trusted',
    'name them in `limits: { images: […] }`',
  ),
  people(
    '4.3',
    'images hold packages that are not needed',
    'what is needed',
    'build on small images',
  ),
  people(
    '4.4',
    'images are not scanned and rebuilt',
    'whether they are',
    'scan images in CI, and rebuild them when their base is mended',
  ),
  {
    id: '4.5',
    cis: '4.5',
    severity: 'low',
    title: 'content trust is off',
    mend: 'DOCKER_CONTENT_TRUST=1 at each client; or allow images by digest alone: `limits: { images: [name@sha256:…] }`',
    look: () => unseen('it is a setting of each client'),
  },
  ofImages(
    '4.6',
    'info',
    'images say nothing of their health',
    'HEALTHCHECK in the Dockerfile',
    ({ inspect }) =>
      typeof at(inspect, 'Config', 'Healthcheck') === 'object' &&
      at(inspect, 'Config', 'Healthcheck') !== null
        ? undefined
        : 'there is no HEALTHCHECK',
  ),
  ofImages(
    '4.7',
    'info',
    'package lists are updated in a step of their own',
    'update and install in one RUN, or old lists are taken from the cache',
    ({ history }) => history.map(updateAlone).find((step) => step !== undefined),
  ),
  people(
    '4.8',
    'programs in images run with the rights of their owner (setuid)',
    'what is in the files of an image is not told by the API; which are needed',
    '`RUN find / -perm /6000 -type f -exec chmod a-s {} +` near the end of the Dockerfile',
  ),
  ofImages(
    '4.9',
    'info',
    'files are put into images with ADD',
    'COPY instead of ADD',
    ({ history }) =>
      history
        // The last is the first step: a base image brings its root file system so.
        .slice(0, -1)
        .some((step) => /^(\/bin\/sh -c #\(nop\) +)?ADD /.test(step))
        ? 'there is an ADD in its history'
        : undefined,
  ),
  ofEngine('4.10', 'medium', 'images hold secrets', {
    mend: 'give secrets at run time or as build secrets, change those that are in an image, rebuild it',
    look({ images }) {
      const items = images.flatMap(({ name, inspect }): Item[] => {
        const secret = words(inspect, 'Config', 'Env').find((one) => isSecret(one))
        // Its value stays where it is.
        return secret === undefined
          ? []
          : [{ on: name, seen: `sets ${secret.split('=', 1)[0] ?? ''} in its environment` }]
      })
      return items.length > 0
        ? { kind: 'found', items }
        : unseen(
            'no variable of an image is named like a secret; their files are not told by the API',
          )
    },
  }),
  people(
    '4.11',
    'packages that nobody verified are installed',
    'how packages are installed',
    'package managers that verify signatures',
  ),
  people(
    '4.12',
    'signed artifacts are not validated',
    'how they are',
    'verify signatures before images are pushed',
  ),
]

function updateAlone(step: string): string | undefined {
  const updates =
    /\b(apt-get|apt|apk|yum|dnf|microdnf|zypper)\b[^&|;]*\b(update|makecache|refresh)\b/
  const installs = /\b(install|add|upgrade|dist-upgrade)\b/
  const name = updates.exec(step)?.[1]
  return name === undefined || installs.test(step)
    ? undefined
    : `${name} updates its lists in a step that installs nothing`
}

function isSecret(variable: string): boolean {
  const [name = '', ...value] = variable.split('=')
  const telling = /(^|_)(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)(_|$)/i
  // A variable that names a file with the secret is how it should be.
  return telling.test(name) && !/_(FILE|PATH|DIR)$/i.test(name) && value.join('=') !== ''
}
