# syntax=docker/dockerfile:1
# Build: the .NET SDK, and node for the snippet (see build/ClientAssets.targets).
FROM node:22-bookworm-slim AS node

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
COPY --from=node /usr/local/bin /usr/local/bin
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
ENV CI=true DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
WORKDIR /src

# What packages are needed changes seldom: these layers are kept while only sources change.
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY build/ build/
COPY ClarityTracking.Core/ClarityTracking.Core.csproj ClarityTracking.Core/packages.lock.json ClarityTracking.Core/
COPY ClarityTracking.Web/ClarityTracking.Web.csproj ClarityTracking.Web/packages.lock.json ClarityTracking.Web/
RUN dotnet restore ClarityTracking.Web
COPY wwwroot-tracker/package.json wwwroot-tracker/package-lock.json wwwroot-tracker/.npmrc wwwroot-tracker/
RUN cd wwwroot-tracker && npm ci --no-progress

COPY wwwroot-tracker/ wwwroot-tracker/
COPY ClarityTracking.Core/ ClarityTracking.Core/
COPY ClarityTracking.Web/ ClarityTracking.Web/
RUN dotnet publish ClarityTracking.Web -c Release --no-restore -o /app
# the volume takes over this folder's owner
RUN mkdir /data && chown 1654:1654 /data

# Run: as the image's own user without rights. ConnectionStrings__Clarity is needed; the app's own PostgreSQL is not in the image.
FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
COPY --from=build /app ./
COPY --from=build --chown=1654:1654 /data /data
ENV ASPNETCORE_HTTP_PORTS=8080 \
    Clarity__DataDirectory=/data \
    Logging__Console__FormatterName=json
VOLUME /data
USER 1654
EXPOSE 8080
# bash speaks HTTP well enough; the image has neither curl nor wget
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/live HTTP/1.0\\r\\n\\r\\n' >&3 && read -r answer <&3 && [[ $answer == *' 200 '* ]]"]
ENTRYPOINT ["dotnet", "ClarityTracking.Web.dll"]
