import { join } from "node:path";
import { expect } from "chai";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";
import { makeCommits } from "./madeCommits.ts";
import { seeded } from "./seeded.ts";
import { type Burst, buildsAtOnce, Team } from "./team.ts";

const allAtOnce = "AllAtOnce";
const canary = "Canary10Percent5Minutes";

/**
 * A seed decides what the commits do, how long each build takes, and each of its calls: in which order the releases end and meet. Not quite
 * the same every time: how long this machine takes comes on top, and the pauses after which a release looks again are its own.
 */
describe("a burst of pushes", function () {
  this.timeout(600_000);
  const temporary = temporaryDirectories();
  const table: Record<string, number | string>[] = [];

  after(() => console.table(table.sort((a, b) => Number(a.seed) - Number(b.seed))));

  // Four at once, since each of them mostly waits.
  for (const seeds of [1, 5, 9, 13, 17].map((first) => [first, first + 1, first + 2, first + 3])) {
    it(`of 30, seeds ${seeds[0]} to ${seeds[3]}: the newest is live in the end, and none is dropped`, async () => {
      await Promise.all(
        seeds.map((seed) =>
          withTeam(seed % 2 === 0 ? canary : allAtOnce, async (team, strategy) => {
            const pushed = await makeCommits(team.made, 30, seeded(seed));
            // One clone for all builds, which knows every commit: git tells the same by it as by each build's own, in less time.
            const clone = join(team.directory, "clone");
            await git(team.directory, "clone", "--quiet", team.made, clone);
            const burst = await team.releaseAll(pushed, seed, async () => clone);
            tell(burst, { seed, strategy });
            expect(burst.atOnce).to.equal(buildsAtOnce);
            expect(burst.finished).to.not.deep.equal(pushed.map(({ commit }) => commit));
            await team.checkNewest(burst);
          }),
        ),
      );
    });
  }

  it("with a forced push in its midst: what is taken off the branch gives way to what is on it", async () => {
    const work = async (team: Team, strategy: string): Promise<void> => {
      const old = await makeCommits(team.made, 12, seeded(31));
      const kept = old.slice(0, 4);
      const fresh = await makeCommits(team.made, 8, seeded(32), kept);
      // Two are cloned in time, and released when all others have ended.
      const late = old.slice(-2);
      const clones: string[] = [];
      const burst = await team.releaseAll([...old.slice(0, -2), ...fresh], 33, async (pushed) => {
        for (const one of pushed === fresh[0] ? late : []) {
          clones.push(await team.push(one));
        }
        return team.push(pushed);
      });
      tell(burst, { seed: 33, strategy: `${strategy}, forced` });
      await team.checkNewest(burst);

      const newest = fresh.at(-1)?.commit;
      for (const [index, one] of late.entries()) {
        const lines: string[] = [];
        const released = await team.releaseFrom(clones[index] ?? "", one, seeded(34), lines);
        expect(released, lines.join("\n")).to.deep.equal({ outcome: "superseded", by: newest });
        expect(lines.at(-1)).to.contain(
          `superseded by ${newest}: this commit is on no branch of the remote; live stays`,
        );
      }
      await team.checkNewest(burst);
    };
    await Promise.all([withTeam(allAtOnce, work), withTeam(canary, work)]);
  });

  async function withTeam(strategy: string, work: (team: Team, strategy: string) => Promise<void>): Promise<void> {
    const team = await Team.start(await temporary(), strategy);
    try {
      await work(team, strategy);
    } finally {
      await team.close();
    }
  }

  /** Adds a burst to the table: a letter for each push, in their order. */
  function tell({ ended }: Burst, row: Record<string, number | string>): void {
    const count = (outcome: string): number => ended.filter((one) => one.outcome === outcome).length;
    table.push({
      ...row,
      pushes: ended.length,
      released: count("released"),
      superseded: count("superseded"),
      unchanged: count("unchanged"),
      "each in turn": ended.map(({ outcome }) => outcome[0]?.toUpperCase()).join(""),
    });
  }
});
