// First party in a Next.js site: rewrites to the app, under the website's alias (Settings > Script address) in place of ALIAS.
// Add them to the rewrites your next.config has already.
const app = "https://track.example.com";

/** @type {import("next").NextConfig} */
module.exports = {
  async rewrites() {
    return ["/ALIAS.js", "/ALIAS", "/ALIAS/:file"].map((source) => ({ source, destination: app + source }));
  },
};
