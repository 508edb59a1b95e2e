import { rename } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { configureIdentity, git } from "../../sample/project.ts";
import { temporaryDirectories } from "../../sample/temporary.ts";
import { historyOf, type Relation } from "../release/history.ts";

describe("deploy/release/history", function () {
  this.timeout(60_000);
  const temporary = temporaryDirectories();
  let remote: string;
  /** Where the developer commits. */
  let work: string;

  beforeEach(async () => {
    const directory = await temporary();
    remote = join(directory, "remote.git");
    work = join(directory, "work");
    await git(directory, "init", "--quiet", "--bare", "--initial-branch=main", remote);
    await git(directory, "clone", "--quiet", remote, work);
    await git(work, "switch", "--quiet", "--create", "main");
    await configureIdentity(work);
  });

  /** Commits to the branch that is checked out, and pushes it. */
  async function commit(message: string, ...push: string[]): Promise<string> {
    await git(work, "commit", "--quiet", "--allow-empty", `--message=${message}`);
    await git(work, "push", "--quiet", ...push, "origin", "HEAD");
    return git(work, "rev-parse", "HEAD");
  }

  /** Clones the remote as a build does, and checks a commit out; later pushes are not in the clone. */
  async function clone(
    id: string,
    { isShallow = false, force = false }: { isShallow?: boolean; force?: boolean } = {},
  ): Promise<(other: string) => Relation> {
    const directory = await temporary();
    await git(directory, "clone", "--quiet", ...(isShallow ? ["--depth=1"] : []), `file://${remote}`, "clone");
    const path = join(directory, "clone");
    await git(path, "checkout", "--quiet", "--detach", id);
    const compare = historyOf(path, force);
    return (other) => compare(id, other);
  }

  it("tells an ancestor from a descendant", async () => {
    const [older, newer] = [await commit("older"), await commit("newer")];
    expect((await clone(newer))(older)).to.equal("ancestor");
    expect((await clone(older))(newer)).to.equal("descendant");
  });

  it("fetches a commit that was pushed after the clone was made", async () => {
    const older = await commit("older");
    const compare = await clone(older);
    const newer = await commit("newer");
    expect(compare(newer)).to.equal("descendant");
  });

  it("completes a shallow clone, which knows no ancestor", async () => {
    const [older, newer] = [await commit("older"), await commit("newer")];
    expect((await clone(newer, { isShallow: true }))(older)).to.equal("ancestor");
  });

  it("takes a commit that was taken off the branch by a forced push for rewritten, and is to the new one abandoned", async () => {
    const first = await commit("first");
    const taken = await commit("taken off");
    const inBuild = await clone(taken);
    await git(work, "reset", "--quiet", "--hard", first);
    const rewritten = await commit("rewritten", "--force");
    expect(inBuild(rewritten)).to.equal("rewritten");
    // The clone that was made after the forced push does not have what was taken off.
    expect((await clone(rewritten))(taken)).to.equal("abandoned");
  });

  it("knows of no order between two branches that both exist", async () => {
    const first = await commit("first");
    const main = await commit("on main");
    await git(work, "switch", "--quiet", "--create", "side", first);
    const side = await commit("on the side");
    expect((await clone(main))(side)).to.equal("unknown");
    expect((await clone(side))(main)).to.equal("unknown");
  });

  it("takes a commit that is nowhere, and what is no commit, for abandoned", async () => {
    const compare = await clone(await commit("only"));
    expect(compare("d".repeat(40))).to.equal("abandoned");
    expect(compare("no commit")).to.equal("abandoned");
  });

  it("knows of no order between two commits that were both taken off", async () => {
    const first = await commit("first");
    const one = await commit("one");
    const compare = await clone(one);
    await git(work, "reset", "--quiet", "--hard", first);
    const other = await commit("another", "--force");
    await git(work, "reset", "--quiet", "--hard", first);
    await commit("what is left", "--force");
    expect(compare(other)).to.equal("unknown");
  });

  it("goes by what the clone knows when the remote cannot be reached, and says so of a commit that it does not know", async () => {
    const [older, newer] = [await commit("older"), await commit("newer")];
    const compare = await clone(newer);
    await rename(remote, `${remote}.away`);
    expect(compare(older)).to.equal("ancestor");
    expect(() => compare("d".repeat(40))).to.throw(
      /^d{40}, the latest so far, may be newer than [0-9a-f]{40}, and the remote cannot be asked: fatal: .* -- --force"$/,
    );
  });

  it("takes a commit for unknown when it is forced and the remote cannot be reached", async () => {
    const compare = await clone(await commit("only"), { force: true });
    await rename(remote, `${remote}.away`);
    expect(compare("d".repeat(40))).to.equal("unknown");
  });
});
