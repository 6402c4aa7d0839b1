// What changes seldom and every page needs: the chain, and who its operators are.

import { ask, askIfOffered } from './api.mjs';

/** The chain's facts and its members, asked once and again after `forget`. */
export class Facts {
  network;
  members = [];
  #loading;

  /** Asks if that was not done; fails when the operator does not answer. */
  load() {
    this.#loading ??= this.#ask().catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  forget() {
    this.#loading = undefined;
  }

  nameOf(index) {
    return this.members.find((member) => member.index === index)?.name || `operator ${index}`;
  }

  async #ask() {
    const [network, federation] = await Promise.all([ask('/v1/network'), askIfOffered('/v1/federation')]);
    this.network = network;
    this.members = federation?.members ?? network.committee;
  }
}
